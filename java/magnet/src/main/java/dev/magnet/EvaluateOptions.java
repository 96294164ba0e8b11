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
@Withers
public record EvaluateOptions(
        @Nullable Path state,
        @Nullable List<ScaledAdapter> adapters,
        @Nullable ProgressListener progress) implements EvaluateOptionsWithers {
    /** Makes lists immutable. */
    public EvaluateOptions {
        adapters = adapters == null ? null : List.copyOf(adapters);
    }

    /** No state, the adapters of the model, no progress. */
    public static EvaluateOptions defaults() {
        return new EvaluateOptions(null, null, null);
    }
}
