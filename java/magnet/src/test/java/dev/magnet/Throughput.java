package dev.magnet;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/** What benchmarks of the modules for frameworks have in common: texts, and turns taken with Magnet alone. */
public final class Throughput {
    private Throughput() {}

    /** Different sentences of some ten words. */
    public static List<String> sentences(int n) throws IOException {
        String stories = Files.readString(Path.of(System.getProperty("magnet.root"), "native", "tests", "data", "stories.txt"));
        List<String> sentences = Arrays.stream(stories.split("(?<=[.!?])\\s+")).toList();
        return IntStream.range(0, n).mapToObj(i -> sentences.get(i % sentences.size()) + " " + i).toList();
    }

    /**
     * Lets both embed the texts in turn ({@code -Dturns=3}, else once), after a few that do not count, and prints how many
     * times as fast the framework is, the median.
     */
    public static void compare(
            String name, List<String> texts, Consumer<List<String>> alone, Consumer<List<String>> framework) {
        List<String> few = texts.subList(0, Math.min(texts.size(), 500));
        alone.accept(few);
        framework.accept(few);
        double[] ratios = new double[Integer.getInteger("turns", 1)];
        double best = Double.MAX_VALUE;
        for (int i = 0; i < ratios.length; i++) {
            double first = seconds(() -> alone.accept(texts));
            double second = seconds(() -> framework.accept(texts));
            ratios[i] = first / second;
            best = Math.min(best, first);
        }
        Arrays.sort(ratios);
        System.out.printf("%s: %.2f of Magnet alone, which embeds %.0f texts/s (%.2f-%.2f)%n",
                name, ratios[ratios.length / 2], texts.size() / best, ratios[0], ratios[ratios.length - 1]);
    }

    private static double seconds(Runnable work) {
        long start = System.nanoTime();
        work.run();
        return (System.nanoTime() - start) / 1e9;
    }
}
