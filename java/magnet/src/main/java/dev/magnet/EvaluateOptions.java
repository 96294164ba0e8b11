package dev.magnet;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How an evaluation runs.
 *
 * @param state finished items are kept in and taken from this file (JSONL), so that the same call goes on where an
 *     interrupted one ended; null = none
 * @param adapters adapters of this call; null = those of {@link LoadOptions#adapters()}, empty = the bare model
 * @param progress told how many items are done; null = nobody
 */
public record EvaluateOptions(
        @Nullable Path state,
        @Nullable List<ScaledAdapter> adapters,
        @Nullable ProgressListener progress) {
    /** Makes lists immutable. */
    public EvaluateOptions {
        adapters = adapters == null ? null : List.copyOf(adapters);
    }

    /** No state, the adapters of the model, no progress. */
    public static EvaluateOptions defaults() {
        return new EvaluateOptions(null, null, null);
    }

    /** A copy with this {@link #state}, or without one. */
    public EvaluateOptions withState(@Nullable Path state) {
        return new EvaluateOptions(state, adapters, progress);
    }

    /** A copy with these {@link #adapters}; none = the bare model. */
    public EvaluateOptions withAdapters(ScaledAdapter... adapters) {
        return new EvaluateOptions(state, List.of(adapters), progress);
    }

    /** A copy that reports {@link #progress}. */
    public EvaluateOptions withProgress(@Nullable ProgressListener progress) {
        return new EvaluateOptions(state, adapters, progress);
    }
}
