package dev.magnet;

import dev.magnet.internal.Defaults;

/**
 * How text becomes rows of tokens, with gaps (MSG) and masked tokens (MNTP). Values out of range are refused by the
 * call that uses them.
 *
 * @param batch rows of one micro-batch, at least 1
 * @param length most tokens of a row, at least 4; with {@code maxSpans} times {@code openRoom} it must fit in what the
 *     model reads
 * @param shareHybrid share of rows with the paper's mask: bidirectional context, gaps that see all of it
 * @param shareOrdered share of rows with causal context and gaps that see both sides
 * @param shareCausal share of rows without a gap: plain next-token prediction
 * @param keepBase share of the rows without a gap, in [0, 1], that learn what the model without adapters predicts, instead
 *     of the text: it stays the language model it was
 * @param maskRate share of the context of hybrid rows that is picked for MNTP, in [0, 1]
 * @param maxSpans most gaps of a row, at least 1
 * @param spanMin fewest tokens of a gap that is no whole sentence
 * @param spanMax most tokens of such a gap
 * @param sentenceShare share of rows with gaps whose gaps are whole sentences, in [0, 1]
 * @param openRoom positions of an open gap, whose length the text behind it does not show; half of the gaps are open,
 *     with 0 none are
 */
@Withers
public record RowOptions(
        int batch,
        int length,
        float shareHybrid,
        float shareOrdered,
        float shareCausal,
        float keepBase,
        float maskRate,
        int maxSpans,
        int spanMin,
        int spanMax,
        float sentenceShare,
        int openRoom) implements RowOptionsWithers {
    /** The native library's defaults. */
    public static RowOptions defaults() {
        return Defaults.train().rows();
    }
}
