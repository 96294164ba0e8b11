package dev.magnet.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The magnet program: texts and tokens per second, by the difference between a long run and a short one, so that start
 * and loading do not count; and what it computes.
 */
final class Program {
    private static final int SHORT = 1;

    private final int repetitions;
    private final int many;

    /** @param many generations of a long run, and twice as many packed calls */
    Program(int repetitions, int many) {
        this.repetitions = repetitions;
        this.many = many;
    }

    List<Double> embedPacked() throws IOException, InterruptedException {
        return rates(2 * many * Work.TEXTS, texts ->
                List.of("embed", "--format", "raw", "-o", "/dev/null", "-f", texts.toString()));
    }

    List<Double> generate() throws IOException, InterruptedException {
        return rates(many, texts -> generation(Path.of("/dev/null"), Files.readAllLines(texts).size())).stream()
                .map(runs -> runs * Work.TOKENS)
                .toList();
    }

    /** Its vectors of the first {@code count} sentences, one behind the other. */
    float[] vectors(int count) throws IOException, InterruptedException {
        byte[] bytes = outputOf(out -> secondsOf(count, texts ->
                List.of("embed", "--format", "raw", "-o", out.toString(), "-f", texts.toString())));
        float[] vectors = new float[bytes.length / Float.BYTES];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(vectors);
        return vectors;
    }

    /** Its continuation of the prompt. */
    String text() throws IOException, InterruptedException {
        byte[] json = outputOf(out -> secondsOf(SHORT, texts -> generation(out, 1)));
        return new ObjectMapper().readTree(json).findValue("text").asText();
    }

    private static List<String> generation(Path out, int times) {
        return List.of("generate", "--json", "--temperature", "0", "--ignore-eos", "--max-tokens", "" + Work.TOKENS, "-o",
                out.toString(), "--n", "" + times, "--text", Work.PROMPT);
    }

    /** A run that writes to a file. */
    @FunctionalInterface
    private interface Writer {
        void to(Path out) throws IOException, InterruptedException;
    }

    private static byte[] outputOf(Writer run) throws IOException, InterruptedException {
        Path out = Files.createTempFile("magnet-bench", ".out");
        try {
            run.to(out);
            return Files.readAllBytes(out);
        } finally {
            Files.delete(out);
        }
    }

    /** A command line for a file with as many lines as there are things to do. */
    @FunctionalInterface
    private interface CommandLine {
        List<String> of(Path texts) throws IOException;
    }

    private List<Double> rates(int lines, CommandLine commandLine) throws IOException, InterruptedException {
        List<Double> rates = new ArrayList<>();
        for (int i = 0; i < repetitions; i++) {
            rates.add(lines / (secondsOf(SHORT + lines, commandLine) - secondsOf(SHORT, commandLine)));
        }
        return rates;
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
