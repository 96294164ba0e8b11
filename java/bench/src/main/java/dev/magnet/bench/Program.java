package dev.magnet.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Texts and tokens per second of the magnet program: the difference between a long run and a short one, so that start
 * and loading do not count.
 */
final class Program {
    private static final int SHORT = 1;
    private static final int REPETITIONS = 5;

    private Program() {}

    static double embedPacked() throws IOException, InterruptedException {
        return rate(16 * Work.TEXTS, texts -> List.of("embed", "--format", "raw", "-o", "/dev/null", "-f", texts.toString()));
    }

    static double generate() throws IOException, InterruptedException {
        double runs = rate(8, texts -> List.of(
                "generate", "--json", "--temperature", "0", "--ignore-eos", "--max-tokens", "" + Work.TOKENS, "-o", "/dev/null",
                "--n", "" + Files.readAllLines(texts).size(), "--text", Work.PROMPT));
        return runs * Work.TOKENS;
    }

    /** A command line for a file with as many lines as there are things to do. */
    @FunctionalInterface
    private interface CommandLine {
        List<String> of(Path texts) throws IOException;
    }

    private static double rate(int many, CommandLine commandLine) throws IOException, InterruptedException {
        double[] seconds = new double[REPETITIONS];
        for (int i = 0; i < REPETITIONS; i++) {
            seconds[i] = secondsOf(SHORT + many, commandLine) - secondsOf(SHORT, commandLine);
        }
        Arrays.sort(seconds);
        return many / seconds[REPETITIONS / 2];
    }

    private static double secondsOf(int lines, CommandLine commandLine) throws IOException, InterruptedException {
        Path texts = Files.createTempFile("magnet-bench", ".txt");
        try {
            Files.write(texts, Work.sentences(lines));
            List<String> command = new ArrayList<>(List.of(System.getProperty("magnet.binary")));
            command.addAll(commandLine.of(texts));
            command.addAll(List.of("-m", Work.model(), "-t", "" + Work.THREADS));
            long begin = System.nanoTime();
            int status = new ProcessBuilder(command)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start()
                    .waitFor();
            if (status != 0) {
                throw new IOException(command + " exited with " + status);
            }
            return (System.nanoTime() - begin) * 1e-9;
        } finally {
            Files.delete(texts);
        }
    }
}
