package dev.magnet.spark;

import dev.magnet.MagnetException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What became of the texts of a row.
 *
 * @param value of the output column; null if they are no good
 * @param reason why they are not; null if they are
 */
record Outcome(@Nullable Object value, @Nullable String reason) {
    static Outcome of(Object value) {
        return new Outcome(value, null);
    }

    /** The reason, if it lies in the texts. What else goes wrong, an interrupt or too little memory, fails the task. */
    static Outcome failed(MagnetException e) {
        return switch (e.status()) {
            case INVALID_ARGUMENT, TOO_LONG -> new Outcome(null, e.status() + ": " + ofOne(e.getMessage()));
            default -> throw e;
        };
    }

    /** Without the place in a call, which says nothing of the row. */
    private static String ofOne(String message) {
        return message.replaceFirst("^text \\d+ has", "the text has").replaceFirst("^item \\d+: ", "");
    }

    /** The outcomes of inputs that fail together; those that are no good are found by halves. */
    static <T> List<Outcome> together(List<T> inputs, Function<List<T>, List<?>> call) {
        if (inputs.isEmpty()) {
            return List.of();
        }
        try {
            return call.apply(inputs).stream().map(Outcome::of).toList();
        } catch (MagnetException e) {
            Outcome failed = failed(e);
            if (inputs.size() == 1) {
                return List.of(failed);
            }
            int half = inputs.size() / 2;
            List<Outcome> outcomes = new ArrayList<>(together(inputs.subList(0, half), call));
            outcomes.addAll(together(inputs.subList(half, inputs.size()), call));
            return outcomes;
        }
    }

    /** {@code outcomes} of the rows without a reason, in their places among those that have one. */
    static List<Outcome> merged(List<@Nullable String> reasons, List<Outcome> outcomes) {
        var next = outcomes.iterator();
        return IntStream.range(0, reasons.size())
                .mapToObj(i -> reasons.get(i) == null ? next.next() : new Outcome(null, reasons.get(i)))
                .toList();
    }
}
