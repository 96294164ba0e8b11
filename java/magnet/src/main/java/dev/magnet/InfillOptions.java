package dev.magnet;

import dev.magnet.internal.Defaults;
import dev.magnet.internal.Timeouts;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How gaps are filled.
 *
 * @param context how the text around the gaps is read
 * @param fim what a prompt of {@link InfillContext#FIM} says beside the text around a gap
 * @param ends how the text of open gaps ends
 * @param candidates fillings to choose from
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
        FimOptions fim,
        InfillEnds ends,
        InfillCandidates candidates,
        Sampling sampling,
        int maxTokens,
        int top,
        @Nullable Duration timeout,
        @Nullable List<ScaledAdapter> adapters) implements InfillOptionsWithers {
    /** Checks its arguments and makes {@code adapters} immutable. */
    public InfillOptions {
        Objects.requireNonNull(context, "context");
        Objects.requireNonNull(fim, "fim");
        Objects.requireNonNull(ends, "ends");
        Objects.requireNonNull(candidates, "candidates");
        Objects.requireNonNull(sampling, "sampling");
        timeout = Timeouts.checked(timeout);
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

    /** A copy that samples so many fillings; greedy sampling gives way to {@link Sampling#defaults()}, as all would be the same. */
    public InfillOptions withCandidates(int n) {
        InfillOptions several = withCandidates(candidates.withN(n));
        return n > 1 && sampling.temperature() == 0 ? several.withSampling(Sampling.defaults().withSeed(sampling.seed())) : several;
    }

    /** A copy with these {@link InfillEnds#stop()}. */
    public InfillOptions withStop(String... stop) {
        return withEnds(ends.withStop(stop));
    }

    /** A copy with this {@link InfillEnds#until()}. */
    public InfillOptions withUntil(Until until) {
        return withEnds(ends.withUntil(until));
    }

    /** A copy with this {@link Sampling#seed()}. */
    public InfillOptions withSeed(long seed) {
        return withSampling(sampling.withSeed(seed));
    }
}
