package dev.magnet;

import dev.magnet.internal.EvalParams;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How an evaluation runs.
 *
 * @param state finished items are kept in and taken from this file (JSONL), so that the same call goes on where an
 *     interrupted one ended; null = none
 * @param resamples of the bootstrap that gives the 95 % intervals; 0 = none
 * @param unique whether rows, questions, queries and documents whose text stands earlier in the file are left out; not for
 *     protocols that read running text
 * @param adapters adapters of this call; null = those of {@link LoadOptions#adapters()}, empty = the bare model
 * @param progress told how many items are done; null = nobody
 */
@Withers
public record EvaluateOptions(
        @Nullable Path state,
        int resamples,
        boolean unique,
        @Nullable List<ScaledAdapter> adapters,
        @Nullable ProgressListener progress) implements EvaluateOptionsWithers {
    /** Makes lists immutable. */
    public EvaluateOptions {
        adapters = adapters == null ? null : List.copyOf(adapters);
    }

    /** The native library's defaults: no state, the adapters of the model, no progress. */
    public static EvaluateOptions defaults() {
        return new EvaluateOptions(null, EvalParams.defaultResamples(), false, null, null);
    }
}
