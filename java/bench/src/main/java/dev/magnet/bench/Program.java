package dev.magnet.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The magnet program: texts and tokens per second, by the difference between a long run and a short one, so that start
 * and loading do not count; and what it computes.
 */
final class Program {
    private static final Path NOWHERE = Path.of("/dev/null");

    private final int repetitions;
    private final int more;

    /**
     * @param repetitions values of each measurement
     * @param more how many times a long run does what a short one does once, beyond that once
     */
    Program(int repetitions, int more) {
        this.repetitions = repetitions;
        this.more = more;
    }

    /** The same texts again and again, of which it reads {@link Work#MANY} a call. */
    List<Double> embedMany() throws IOException, InterruptedException {
        return rates(Work.MANY, times -> embed(NOWHERE, times));
    }

    List<Double> generate() throws IOException, InterruptedException {
        return rates(Work.TOKENS, times -> generate(NOWHERE, times));
    }

    /** Its vectors of the texts, one behind the other. */
    float[] vectors() throws IOException, InterruptedException {
        byte[] bytes = outputOf(out -> embed(out, 1));
        float[] vectors = new float[bytes.length / Float.BYTES];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(vectors);
        return vectors;
    }

    /** Its continuation of the prompt. */
    String text() throws IOException, InterruptedException {
        byte[] json = outputOf(out -> generate(out, 1));
        return new ObjectMapper().readTree(json).findValue("text").asText();
    }

    private static double embed(Path out, int times) throws IOException, InterruptedException {
        Path texts = Files.createTempFile("magnet-bench", ".txt");
        try {
            Files.write(texts, Collections.nCopies(times, String.join("\n", Work.sentences(Work.MANY))));
            return seconds("embed", "--format", "raw", "-o", out.toString(), "--file", texts.toString());
        } finally {
            Files.delete(texts);
        }
    }

    private static double generate(Path out, int times) throws IOException, InterruptedException {
        return seconds("generate", "--json", "--temperature", "0", "--ignore-eos", "--max-tokens", "" + Work.TOKENS,
                "-o", out.toString(), "--n", "" + times, "--text", Work.PROMPT);
    }

    /** A run that writes to a file. */
    @FunctionalInterface
    private interface Writer {
        double to(Path out) throws IOException, InterruptedException;
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

    /** Seconds of a run that does its work so many times. */
    @FunctionalInterface
    private interface Run {
        double seconds(int times) throws IOException, InterruptedException;
    }

    private List<Double> rates(int amount, Run run) throws IOException, InterruptedException {
        List<Double> rates = new ArrayList<>();
        for (int i = 0; i < repetitions; i++) {
            rates.add(more * amount / (run.seconds(1 + more) - run.seconds(1)));
        }
        return rates;
    }

    private static double seconds(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(System.getProperty("magnet.binary")));
        command.addAll(List.of(arguments));
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
    }
}
