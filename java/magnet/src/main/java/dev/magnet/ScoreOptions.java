package dev.magnet;

import dev.magnet.internal.Defaults;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How filled gaps are scored.
 *
 * @param context how the text around them is read
 * @param fim what a prompt of {@link InfillContext#FIM} says beside the text around a gap
 * @param top alternatives to report for every token, in [0, 100]
 * @param adapters adapters of this call; null = those of {@link LoadOptions#adapters()}, empty = the bare model
 * @param progress told how many items of a call are done; null = nobody
 */
@Withers
public record ScoreOptions(
        InfillContext context,
        FimOptions fim,
        int top,
        @Nullable List<ScaledAdapter> adapters,
        @Nullable ProgressListener progress) implements ScoreOptionsWithers {
    /** Checks its arguments and makes {@code adapters} immutable. */
    public ScoreOptions {
        Objects.requireNonNull(context, "context");
        Objects.requireNonNull(fim, "fim");
        adapters = adapters == null ? null : List.copyOf(adapters);
    }

    /** What the adapter was trained for; the native library's defaults elsewhere. */
    public static ScoreOptions defaults() {
        return Defaults.score();
    }
}
