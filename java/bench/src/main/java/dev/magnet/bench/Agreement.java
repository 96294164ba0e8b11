package dev.magnet.bench;

import dev.magnet.Magnet;
import dev.magnet.Similarity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;

/** Whether sides that are timed compute the same, as a row of the table says it. */
final class Agreement {
    private Agreement() {}

    /** Of all vectors that are timed beside the program. */
    static String vectors(Program program) throws IOException, InterruptedException {
        float[] theirs = program.vectors();
        float[][] ours;
        try (Magnet magnet = Work.load()) {
            ours = magnet.embed(Work.sentences(Work.MANY));
        }
        int width = ours[0].length;
        if (theirs.length != ours.length * width) {
            return "%d numbers beside %d".formatted(ours.length * width, theirs.length);
        }
        double furthest = IntStream.range(0, theirs.length)
                .mapToDouble(i -> Math.abs(ours[i / width][i % width] - theirs[i]))
                .max()
                .orElseThrow();
        return "vectors of all %d texts within %.1e".formatted(ours.length, furthest);
    }

    /** Of the text that is timed beside the program. */
    static String text(Program program) throws IOException, InterruptedException {
        return ourText().equals(program.text()) ? "same text" : "other text";
    }

    /** Of the vectors that many callers get and those of one call. */
    static String callers() {
        List<String> sentences = Work.sentences(Work.TEXTS);
        try (Magnet magnet = Work.load()) {
            float[][] packed = magnet.embed(sentences);
            List<CompletableFuture<float[]>> each = sentences.stream().map(magnet::embedAsync).toList();
            double furthest = IntStream.range(0, packed.length)
                    .mapToDouble(i -> 1 - Similarity.cosine(packed[i], each.get(i).join()))
                    .max()
                    .orElseThrow();
            // which texts share a call may change roundings, but no more
            return "1 - cosine %s %.1e".formatted(furthest <= 1e-5 ? "within" : "up to", furthest);
        }
    }

    /** Of our text and the JNI binding's, which an older llama.cpp may continue otherwise where scores are close. */
    static String jniText() throws IOException, InterruptedException {
        String ours = ourText();
        Path file = Files.createTempFile("magnet-bench", ".out");
        try {
            int status = Jvm.start(JniBenchmark.Text.class, file.toString()).waitFor();
            if (status != 0) {
                throw new IOException("the JNI binding's JVM exited with " + status);
            }
            String theirs = Files.readString(file);
            int same = Arrays.mismatch(ours.toCharArray(), theirs.toCharArray());
            int length = Math.max(ours.length(), theirs.length());
            return "greedy text: the first %d of %d characters the same (JNI: an older llama.cpp)"
                    .formatted(same < 0 ? length : same, length);
        } finally {
            Files.delete(file);
        }
    }

    private static String ourText() {
        try (Magnet magnet = Work.load()) {
            return magnet.generate(Work.PROMPT, Work.greedy()).text();
        }
    }
}
