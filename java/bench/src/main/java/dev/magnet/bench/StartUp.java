package dev.magnet.bench;

import dev.magnet.Magnet;
import java.io.BufferedReader;
import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;

/** Milliseconds from the start of a JVM to its first embedding. */
final class StartUp {
    private static final String DONE = "embedded";
    private static final String SENTENCE = "A man is playing a guitar.";

    private StartUp() {}

    /** Runs in a JVM of its own. */
    static final class First {
        private First() {}

        public static void main(String[] args) throws IOException {
            int dimensions = switch (args[0]) {
                case "magnet" -> {
                    try (Magnet magnet = Work.load()) {
                        yield magnet.embed(SENTENCE).length;
                    }
                }
                case "minilm" -> new MiniLm().embed(SENTENCE).content().dimension();
                default -> 0; // the JVM alone
            };
            System.out.println(DONE + " " + dimensions);
        }
    }

    /** Of each side, started in turn: "magnet", "minilm", or "jvm", which embeds nothing. */
    static List<List<Double>> milliseconds(int starts, String... sides) throws IOException, InterruptedException {
        for (String side : sides) {
            once(side); // fills the page cache
        }
        return Turns.of(starts, Stream.of(sides)
                .map(side -> (Turns.Side) () -> List.of(once(side)))
                .toArray(Turns.Side[]::new));
    }

    private static double once(String side) throws IOException, InterruptedException {
        long begin = System.nanoTime();
        Process process = Jvm.start(First.class, side);
        try (BufferedReader output = process.inputReader()) {
            String line = output.readLine();
            double milliseconds = (System.nanoTime() - begin) * 1e-6;
            if (line == null || !line.startsWith(DONE) || process.waitFor() != 0) {
                throw new IOException("starting " + side + " failed: " + line);
            }
            return milliseconds;
        }
    }
}
