package dev.magnet;

import dev.magnet.internal.Defaults;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How gaps are filled.
 *
 * @param context how the text around the gaps is read
 * @param sampling how tokens are chosen; greedy by default
 * @param maxTokens most tokens of an open gap that names no number
 * @param top alternatives to report for every token, in [0, 100]
 * @param timeout after this time, that of waiting for other calls included, the text ends as it is
 *     ({@link StopReason#TIMEOUT}); before its first token there is none, and the call fails ({@link Status#TIMEOUT}). null =
 *     never
 * @param adapters adapters of this call; null = those of {@link LoadOptions#adapters()}, empty = the bare model
 */
@Withers
public record InfillOptions(
        InfillContext context,
        Sampling sampling,
        int maxTokens,
        int top,
        @Nullable Duration timeout,
        @Nullable List<ScaledAdapter> adapters) implements InfillOptionsWithers {
    /** Checks its arguments and makes {@code adapters} immutable. */
    public InfillOptions {
        Objects.requireNonNull(context, "context");
        Objects.requireNonNull(sampling, "sampling");
        adapters = adapters == null ? null : List.copyOf(adapters);
    }

    /** What the adapter was trained for; the native library's defaults elsewhere. */
    public static InfillOptions defaults() {
        return Defaults.infill();
    }

    /** A copy with this {@link Sampling#temperature()}. */
    public InfillOptions withTemperature(double temperature) {
        return withSampling(sampling.withTemperature(temperature));
    }

    /** A copy with this {@link Sampling#seed()}. */
    public InfillOptions withSeed(long seed) {
        return withSampling(sampling.withSeed(seed));
    }
}
