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
 *     searched and texts that search may want different ones
 * @param truncation what to do with a text that is too long
 * @param maxTokens most tokens of one text, instruction and end-of-sequence token counted; 0 = the whole context
 * @param normalize whether vectors get length 1 (an all-zero vector stays as it is)
 * @param appendEos whether the end-of-sequence token is put behind a text, as in training
 * @param adapters adapters of this call; null = those of {@link LoadOptions#adapters()}, empty = the bare model
 * @param progress told how many texts of a call are done; null = nobody. Not used by the asynchronous calls
 */
public record EmbedOptions(
        Pooling pooling,
        Attention attention,
        @Nullable String instruction,
        Truncation truncation,
        int maxTokens,
        boolean normalize,
        boolean appendEos,
        @Nullable List<ScaledAdapter> adapters,
        @Nullable ProgressListener progress) {
    /** Checks its arguments and makes {@code adapters} immutable. */
    public EmbedOptions {
        Objects.requireNonNull(pooling, "pooling");
        Objects.requireNonNull(attention, "attention");
        Objects.requireNonNull(truncation, "truncation");
        adapters = adapters == null ? null : List.copyOf(adapters);
    }

    /** What the adapter was trained for; the native library's defaults elsewhere. */
    public static EmbedOptions defaults() {
        return Defaults.embed();
    }

    /** A copy with this {@link #pooling}. */
    public EmbedOptions withPooling(Pooling pooling) {
        return new EmbedOptions(
                pooling, attention, instruction, truncation, maxTokens, normalize, appendEos, adapters, progress);
    }

    /** A copy with this {@link #attention}. */
    public EmbedOptions withAttention(Attention attention) {
        return new EmbedOptions(
                pooling, attention, instruction, truncation, maxTokens, normalize, appendEos, adapters, progress);
    }

    /** A copy with this {@link #instruction}; null = the adapter's own, "" = none. */
    public EmbedOptions withInstruction(@Nullable String instruction) {
        return new EmbedOptions(
                pooling, attention, instruction, truncation, maxTokens, normalize, appendEos, adapters, progress);
    }

    /** A copy with this {@link #truncation}. */
    public EmbedOptions withTruncation(Truncation truncation) {
        return new EmbedOptions(
                pooling, attention, instruction, truncation, maxTokens, normalize, appendEos, adapters, progress);
    }

    /** A copy with this {@link #maxTokens}. */
    public EmbedOptions withMaxTokens(int maxTokens) {
        return new EmbedOptions(
                pooling, attention, instruction, truncation, maxTokens, normalize, appendEos, adapters, progress);
    }

    /** A copy that does, or does not, {@link #normalize}. */
    public EmbedOptions withNormalize(boolean normalize) {
        return new EmbedOptions(
                pooling, attention, instruction, truncation, maxTokens, normalize, appendEos, adapters, progress);
    }

    /** A copy that does, or does not, {@link #appendEos}. */
    public EmbedOptions withAppendEos(boolean appendEos) {
        return new EmbedOptions(
                pooling, attention, instruction, truncation, maxTokens, normalize, appendEos, adapters, progress);
    }

    /** A copy with these {@link #adapters}; none = the bare model. */
    public EmbedOptions withAdapters(ScaledAdapter... adapters) {
        return new EmbedOptions(
                pooling, attention, instruction, truncation, maxTokens, normalize, appendEos, List.of(adapters), progress);
    }

    /** A copy that reports {@link #progress}. */
    public EmbedOptions withProgress(@Nullable ProgressListener progress) {
        return new EmbedOptions(
                pooling, attention, instruction, truncation, maxTokens, normalize, appendEos, adapters, progress);
    }
}
