package dev.magnet;

import dev.magnet.internal.Defaults;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How texts become vectors.
 *
 * @param pooling how a text's tokens become one vector
 * @param attention which of them see each other
 * @param instruction prefix of every text, read but never pooled; null = the adapter's own, "" = none. Texts that are
 *     searched and texts that search may want different ones: see {@code document}
 * @param truncate what to do with a text that is too long
 * @param maxTokens most tokens of one text, instruction and end-of-sequence token counted; 0 = the whole context
 * @param dimensions numbers of a vector: its first ones, at most {@link ModelInfo#dimensions()}; 0 = all
 * @param normalize whether vectors get length 1 (an all-zero vector stays as it is)
 * @param appendEos whether the end-of-sequence token is put behind a text, as in training
 * @param document whether the texts are documents that queries are to find: without an instruction here they get the
 *     adapter's for documents
 * @param adapters adapters of this call; null = those of {@link LoadOptions#adapters()}, empty = the bare model
 * @param progress told how many texts of a call are done; null = nobody. Not used by the asynchronous calls
 */
@Withers
public record EmbedOptions(
        Pooling pooling,
        Attention attention,
        @Nullable String instruction,
        Truncation truncate,
        int maxTokens,
        int dimensions,
        boolean normalize,
        boolean appendEos,
        boolean document,
        @Nullable List<ScaledAdapter> adapters,
        @Nullable ProgressListener progress) implements EmbedOptionsWithers {
    /** Checks its arguments and makes {@code adapters} immutable. */
    public EmbedOptions {
        Objects.requireNonNull(pooling, "pooling");
        Objects.requireNonNull(attention, "attention");
        Objects.requireNonNull(truncate, "truncate");
        adapters = adapters == null ? null : List.copyOf(adapters);
    }

    /** What the adapter was trained for; the native library's defaults elsewhere. */
    public static EmbedOptions defaults() {
        return Defaults.embed();
    }
}
