package dev.magnet.server.model;

import com.fasterxml.jackson.databind.JsonNode;
import dev.magnet.Sampling;
import dev.magnet.server.http.Fields;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads how tokens are chosen: OpenAI's fields, and llama-server's where OpenAI has none. */
public final class SamplingFields {
    private static final long SEEDS = 1L << 32;
    private static final int MOST_BIASES = 1024;
    private static final int MOST_STOPS = 32;

    private SamplingFields() {}

    /** The sampling of a request; {@code base} where it says nothing. */
    public static Sampling read(Fields fields, Sampling base) {
        return base.withTemperature(fields.number("temperature", 0, 100, base.temperature()))
                .withTopK(fields.integer("top_k", 0, Integer.MAX_VALUE, base.topK()))
                .withTopP(positive(fields, "top_p", 1, base.topP()))
                .withMinP((float) fields.number("min_p", 0, 0.999, base.minP()))
                .withRepeatPenalty(positive(fields, "repeat_penalty", 1000, base.repeatPenalty()))
                .withFrequencyPenalty((float) fields.number("frequency_penalty", -2, 2, base.frequencyPenalty()))
                .withPresencePenalty((float) fields.number("presence_penalty", -2, 2, base.presencePenalty()))
                .withPenaltyLastN(fields.integer("repeat_last_n", -1, Integer.MAX_VALUE, base.penaltyLastN()))
                .withSeed(seed(fields, base))
                .withGrammar(grammar(fields))
                .withLogitBias(logitBias(fields));
    }

    /** Strings that end a text. */
    public static List<String> stop(Fields fields) {
        List<String> stop = fields.texts("stop", MOST_STOPS);
        if (stop.contains("")) {
            throw fields.wrong("stop", "strings that are not empty are wanted");
        }
        return stop;
    }

    /** The sampling of the i-th of several texts: where a seed was named, the next one. */
    public static Sampling another(Sampling sampling, int i) {
        return sampling.seed() < 0 ? sampling : sampling.withSeed((sampling.seed() + i) % SEEDS);
    }

    private static float positive(Fields fields, String name, double most, float fallback) {
        double value = fields.number(name, 0, most, fallback);
        if (!((float) value > 0)) {
            throw fields.wrong(name, "a number above 0 is wanted");
        }
        return (float) value;
    }

    /** OpenAI's seeds have 64 bits, the model's have 32. */
    private static long seed(Fields fields, Sampling base) {
        long seed = fields.whole("seed", Long.MIN_VALUE, Long.MAX_VALUE, base.seed());
        return seed == -1 ? -1 : Math.floorMod(seed, SEEDS);
    }

    private static String grammar(Fields fields) {
        String grammar = fields.text("grammar", null);
        return grammar == null || grammar.isEmpty() ? null : grammar;
    }

    /** OpenAI's form, an object from token ids to numbers; llama-server's is a list of pairs. */
    private static Map<Integer, Float> logitBias(Fields fields) {
        Map<Integer, Float> biases = new HashMap<>();
        JsonNode value = fields.any("logit_bias");
        if (value == null || value.isArray() && value.isEmpty()) {
            return biases;
        }
        if (!value.isObject() || value.size() > MOST_BIASES) {
            throw fields.wrong("logit_bias", "an object of at most " + MOST_BIASES + " token ids and numbers is wanted");
        }
        Fields inner = fields.object("logit_bias");
        for (String id : inner.names()) {
            if (!id.matches("\\d{1,9}")) {
                throw fields.wrong("logit_bias", "token ids are wanted as names, \"" + id + "\" is none");
            }
            biases.put(Integer.valueOf(id), (float) inner.number(id, -100, 100, 0));
        }
        return biases;
    }
}
