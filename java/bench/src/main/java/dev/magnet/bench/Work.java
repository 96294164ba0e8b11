package dev.magnet.bench;

import dev.magnet.GenerateOptions;
import dev.magnet.LoadOptions;
import dev.magnet.Magnet;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The same work for every side. */
final class Work {
    /** Threads that every side computes with. */
    static final int THREADS = Integer.getInteger("bench.threads", Runtime.getRuntime().availableProcessors());

    /** Texts of one packed call, and callers that wait for one each. */
    static final int TEXTS = 64;

    /** Texts of one call beside the magnet program, whose calls are of so many: texts_per_call of cmd-embed.cpp. */
    static final int MANY = 1024;

    /** Tokens of one generation. */
    static final int TOKENS = 128;

    static final String PROMPT = "Once upon a time, in a small village by the sea, there lived";

    private Work() {}

    /** GGUF file that every side loads. */
    static String model() {
        return System.getProperty("magnet.model");
    }

    /** MAGNET's API. */
    static Magnet load() {
        return Magnet.load(Path.of(model()), LoadOptions.defaults().withThreads(THREADS));
    }

    /** How it generates; the other sides are told the same in their own words. */
    static GenerateOptions greedy() {
        return GenerateOptions.defaults().withTemperature(0).withMaxTokens(TOKENS).withIgnoreEos(true);
    }

    /** Sentences of the length of STS-B's, no two alike. */
    static List<String> sentences(int count) {
        String[] who = {"A man", "A young woman", "Two children", "The old teacher", "Our neighbour",
            "A group of friends"};
        String[] what = {"is playing a guitar", "reads a letter", "walks along the river", "is cooking dinner",
            "looks at the stars", "waits for the train", "paints the garden fence"};
        String[] where = {"in the park", "after a long day", "without saying a word", "for the first time",
            "in front of the house", "while it rains outside", "with great care", "before the sun goes down"};
        List<String> sentences = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int round = i / (who.length * what.length * where.length);
            int shift = i / 168; // in steps of one, the three come together again after 168 = lcm(6, 7, 8)
            sentences.add(who[i % who.length] + " " + what[i % what.length] + " " + where[(i + shift) % where.length]
                    + (round == 0 ? "." : " on day " + round + "."));
        }
        return sentences;
    }
}
