package dev.magnet.bench;

import dev.langchain4j.model.embedding.onnx.allminilml6v2q.AllMiniLmL6V2QuantizedEmbeddingModel;
import dev.magnet.LoadOptions;
import dev.magnet.Magnet;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Milliseconds from the start of a JVM to its first embedding. */
final class StartUp {
    private static final String DONE = "embedded";
    private static final String SENTENCE = "A man is playing a guitar.";

    private StartUp() {}

    /** Runs in a JVM of its own. */
    static final class First {
        private First() {}

        public static void main(String[] args) {
            int dimensions = switch (args[0]) {
                case "magnet" -> {
                    try (Magnet magnet = Magnet.load(Path.of(Work.model()), LoadOptions.defaults().withThreads(Work.THREADS))) {
                        yield magnet.embed(SENTENCE).length;
                    }
                }
                case "minilm" -> new AllMiniLmL6V2QuantizedEmbeddingModel().embed(SENTENCE).content().dimension();
                default -> 0; // the JVM alone
            };
            System.out.println(DONE + " " + dimensions);
        }
    }

    /** Starts, one after the other. */
    static List<Double> milliseconds(String side, int starts) throws IOException, InterruptedException {
        List<Double> all = new ArrayList<>();
        for (int i = 0; i < starts; i++) {
            all.add(once(side));
        }
        return all;
    }

    private static double once(String side) throws IOException, InterruptedException {
        long begin = System.nanoTime();
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-Dmagnet.library=" + System.getProperty("magnet.library"),
                        "-Dmagnet.model=" + Work.model(),
                        "-cp", System.getProperty("java.class.path"), First.class.getName(), side)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
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
