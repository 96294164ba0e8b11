package dev.magnet;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;

/**
 * What an evaluation found.
 *
 * @param figures the measured numbers
 * @param series the same of each item, in the order of the file
 * @param elapsed how long it took, what an earlier call had finished left out
 */
public record Evaluated(List<Figure> figures, List<Series> series, Duration elapsed) {
    /**
     * One measured number.
     *
     * @param name what, then the variant, e.g. "perplexity.ordered"
     * @param value NaN where it is not defined
     * @param count what it was measured on: pairs, tokens, continuations, words, questions or queries
     * @param low beginning of the 95 % confidence interval, by bootstrap over the items; NaN where there is none
     * @param high its end
     */
    public record Figure(String name, double value, long count, double low, double high) {
        /** Checks its arguments. */
        public Figure {
            Objects.requireNonNull(name, "name");
        }
    }

    /**
     * A number of each item.
     *
     * @param name what, then the variant
     * @param values [items]; the array is the caller's to change
     */
    public record Series(String name, double[] values) {
        /** Checks its arguments. */
        public Series {
            Objects.requireNonNull(name, "name");
            Objects.requireNonNull(values, "values");
        }

        /** The name and how many values there are. */
        @Override
        public String toString() {
            return "Series[" + name + ", " + values.length + " values]";
        }
    }

    /** Makes lists immutable. */
    public Evaluated {
        figures = List.copyOf(figures);
        series = List.copyOf(series);
        Objects.requireNonNull(elapsed, "elapsed");
    }

    /**
     * The figure of this name.
     *
     * @throws MagnetException {@link Status#INVALID_ARGUMENT} naming those that there are
     */
    public Figure figure(String name) {
        return find(figures, Figure::name, name);
    }

    /**
     * The series of this name: [items].
     *
     * @throws MagnetException {@link Status#INVALID_ARGUMENT} naming those that there are
     */
    public double[] values(String name) {
        return find(series, Series::name, name).values();
    }

    private static <T> T find(List<T> all, Function<T, String> nameOf, String name) {
        Objects.requireNonNull(name, "name");
        return all.stream()
                .filter(each -> nameOf.apply(each).equals(name))
                .findFirst()
                .orElseThrow(() -> new MagnetException(
                        Status.INVALID_ARGUMENT,
                        "there is no \"" + name + "\"; there is " + all.stream().map(nameOf).toList()));
    }
}
