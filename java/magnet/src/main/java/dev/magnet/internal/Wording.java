package dev.magnet.internal;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Messages of the library in the words of this API: fields of magnet.h become the components that stand for them
 * ({@link Mapping}), and advice names what a program in Java would call.
 */
final class Wording {
    /** What is more than a field. */
    private static final List<Map.Entry<String, String>> PHRASES = List.of(
            Map.entry("make a session with a larger n_ctx", "load the model with a larger LoadOptions.ctx"),
            Map.entry("at most n_ctx", "at most LoadOptions.ctx"),
            Map.entry("Raise n_ctx", "Raise LoadOptions.ctx"),
            Map.entry("this session's", "this Magnet's"),
            Map.entry("model with check_tensors", "model with LoadOptions.checkTensors"),
            Map.entry("use the graph engine", "use Engine.GRAPH"),
            Map.entry("only the context LEFT works", "only InfillContext.LEFT works"),
            Map.entry("finite or -INFINITY", "finite or Float.NEGATIVE_INFINITY"),
            Map.entry("or allow it to be replaced", "or allow it to be replaced with withOverwrite(true)"));

    /** Fields that are a component of a component, or an element of one. */
    private static final Map<String, String> PARTS = Map.of(
            "infill.n_gaps", "gaps.count",
            "infill.span_min", "gaps.min",
            "infill.span_max", "gaps.max",
            "infill.window", "gaps.window",
            "sampling.logit_bias.token", "a token of sampling.logitBias",
            "sampling.logit_bias.bias", "a bias of sampling.logitBias");

    /**
     * A word on its own, perhaps with an index behind it. What stands in quotes or in a path is the user's.
     */
    private static final Pattern WORD =
            Pattern.compile("(?<![^ (])([a-z][a-z0-9_]*(?:\\.[a-z0-9_]+)*)(?=[ ,;:)\\[]|\\.(?: |$)|$)");

    /** A class of its own, so that the library is there when it is made. */
    private static final class Names {
        static final Map<String, String> COMPONENTS = new HashMap<>(PARTS);

        static {
            Stream.concat(
                            Stream.of(Params.MODEL, Params.SESSION, Params.EMBED, Params.GENERATE, Params.INFILL,
                                    Params.SCORE, Params.TRAIN, EvalParams.Known.OPTIONS),
                            EvalParams.Known.PROTOCOLS.stream().map(EvalParams.Protocol::mapping))
                    .flatMap(mapping -> mapping.componentsByField().entrySet().stream())
                    .forEach(entry -> {
                        COMPONENTS.put(entry.getKey(), entry.getValue());
                        COMPONENTS.putIfAbsent(last(entry.getKey()), last(entry.getValue()));
                    });
        }

        private static String last(String path) {
            return path.substring(path.lastIndexOf('.') + 1);
        }
    }

    private Wording() {}

    /** {@code "rows.max_spans is 0; …"} becomes {@code "rows.maxSpans is 0; …"}. */
    static String inJava(String message) {
        String text = message;
        for (Map.Entry<String, String> phrase : PHRASES) {
            text = text.replace(phrase.getKey(), phrase.getValue());
        }
        return WORD.matcher(text)
                .replaceAll(word -> Matcher.quoteReplacement(
                        Names.COMPONENTS.getOrDefault(word.group(1), word.group(1))));
    }
}
