package dev.magnet.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Sides that are measured in turn, A B C, C B A, A B C ...: a machine that gets slower does so for all of them. */
final class Turns {
    /** What is measured: each call gives one value or more. */
    @FunctionalInterface
    interface Side {
        List<Double> measure() throws IOException, InterruptedException;
    }

    private Turns() {}

    /** The values of every side, in the order in which they were measured. */
    static List<List<Double>> of(int rounds, Side... sides) throws IOException, InterruptedException {
        List<List<Double>> values = Stream.of(sides).map(side -> (List<Double>) new ArrayList<Double>()).toList();
        List<Integer> order = new ArrayList<>(IntStream.range(0, sides.length).boxed().toList());
        for (int round = 0; round < rounds; round++) {
            for (int i : order) {
                values.get(i).addAll(sides[i].measure());
            }
            Collections.reverse(order);
        }
        return values;
    }
}
