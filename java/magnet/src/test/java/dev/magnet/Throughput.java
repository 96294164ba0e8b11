package dev.magnet;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/** What benchmarks of the modules for frameworks have in common: texts, and turns taken with Magnet alone. */
public final class Throughput {
    private static final int BLOCK = 2_000;

    private Throughput() {}

    /** 10,000 different sentences of some ten words, or as many as {@code -Dtexts=N} says. */
    public static List<String> sentences() throws IOException {
        int n = Integer.getInteger("texts", 10_000);
        String stories = Files.readString(Path.of(System.getProperty("magnet.root"), "native", "tests", "data", "stories.txt"));
        List<String> sentences = Arrays.stream(stories.split("(?<=[.!?])\\s+")).toList();
        return IntStream.range(0, n).mapToObj(i -> sentences.get(i % sentences.size()) + " " + i).toList();
    }

    /**
     * Lets both embed the same texts in turn, {@value #BLOCK} at a time, after a few that do not count, and prints how many times as
     * fast the framework is: over all texts, and in the slowest and the fastest block.
     */
    public static void compare(
            String name, List<String> texts, Consumer<List<String>> alone, Consumer<List<String>> framework) {
        List<String> few = texts.subList(0, Math.min(texts.size(), 200));
        alone.accept(few);
        framework.accept(few);
        double without = 0;
        double with = 0;
        List<Double> ratios = new ArrayList<>();
        for (int from = 0; from < texts.size(); from += BLOCK) {
            List<String> block = texts.subList(from, Math.min(texts.size(), from + BLOCK));
            boolean frameworkFirst = ratios.size() % 2 == 1; // whatever heats up or cools down meanwhile, both have of it
            double first = seconds(frameworkFirst ? framework : alone, block);
            double second = seconds(frameworkFirst ? alone : framework, block);
            double of = frameworkFirst ? second : first;
            without += of;
            with += first + second - of;
            ratios.add(of / (first + second - of));
        }
        System.out.printf("%s: %.3f of Magnet alone, which embeds %.0f of these %d texts/s (%.2f-%.2f)%n",
                name, without / with, texts.size() / without, texts.size(), Collections.min(ratios), Collections.max(ratios));
    }

    private static double seconds(Consumer<List<String>> side, List<String> block) {
        long start = System.nanoTime();
        side.accept(block);
        return (System.nanoTime() - start) / 1e9;
    }
}
