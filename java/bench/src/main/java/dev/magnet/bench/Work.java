package dev.magnet.bench;

import java.util.ArrayList;
import java.util.List;

/** The same work for every side. */
final class Work {
    /** Threads that every side computes with. */
    static final int THREADS = Math.max(1, Runtime.getRuntime().availableProcessors());

    /** Texts of one packed call. */
    static final int TEXTS = 64;

    /** Tokens of one generation. */
    static final int TOKENS = 128;

    static final String PROMPT = "Once upon a time, in a small village by the sea, there lived";

    private Work() {}

    /** GGUF file that every side loads. */
    static String model() {
        return System.getProperty("magnet.model");
    }

    /** Sentences of the length of STS-B's, no two alike. */
    static List<String> sentences(int count) {
        String[] who = {"A man", "A young woman", "Two children", "The old teacher", "Our neighbour", "A group of friends"};
        String[] what = {"is playing a guitar", "reads a letter", "walks along the river", "is cooking dinner",
            "looks at the stars", "waits for the train", "paints the garden fence"};
        String[] where = {"in the park", "after a long day", "without saying a word", "for the first time",
            "in front of the house", "while it rains outside", "with great care", "before the sun goes down"};
        List<String> sentences = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int round = i / (who.length * what.length * where.length);
            sentences.add(who[i % who.length] + " " + what[i % what.length] + " " + where[i % where.length]
                    + (round == 0 ? "." : " on day " + round + "."));
        }
        return sentences;
    }
}
