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
 * @param maskRate share of the context of hybrid rows that is picked for MNTP, in [0, 1]
 * @param maxSpans most gaps of a row, at least 1
 * @param spanMin fewest tokens of a gap that is no whole sentence
 * @param spanMax most tokens of such a gap
 * @param sentenceShare share of rows with gaps whose gaps are whole sentences, in [0, 1]
 * @param openRoom positions of an open gap, whose length the text behind it does not show; half of the gaps are open;
 *     0 = none is
 */
public record RowOptions(
        int batch,
        int length,
        float shareHybrid,
        float shareOrdered,
        float shareCausal,
        float maskRate,
        int maxSpans,
        int spanMin,
        int spanMax,
        float sentenceShare,
        int openRoom) {
    /** The native library's defaults. */
    public static RowOptions defaults() {
        return Defaults.train().rows();
    }

    /** A copy with this {@link #batch}. */
    public RowOptions withBatch(int batch) {
        return new RowOptions(
                batch, length, shareHybrid, shareOrdered, shareCausal, maskRate, maxSpans, spanMin, spanMax,
                sentenceShare, openRoom);
    }

    /** A copy with this {@link #length}. */
    public RowOptions withLength(int length) {
        return new RowOptions(
                batch, length, shareHybrid, shareOrdered, shareCausal, maskRate, maxSpans, spanMin, spanMax,
                sentenceShare, openRoom);
    }

    /** A copy with this {@link #shareHybrid}. */
    public RowOptions withShareHybrid(double shareHybrid) {
        return new RowOptions(
                batch, length, (float) shareHybrid, shareOrdered, shareCausal, maskRate, maxSpans, spanMin, spanMax,
                sentenceShare, openRoom);
    }

    /** A copy with this {@link #shareOrdered}. */
    public RowOptions withShareOrdered(double shareOrdered) {
        return new RowOptions(
                batch, length, shareHybrid, (float) shareOrdered, shareCausal, maskRate, maxSpans, spanMin, spanMax,
                sentenceShare, openRoom);
    }

    /** A copy with this {@link #shareCausal}. */
    public RowOptions withShareCausal(double shareCausal) {
        return new RowOptions(
                batch, length, shareHybrid, shareOrdered, (float) shareCausal, maskRate, maxSpans, spanMin, spanMax,
                sentenceShare, openRoom);
    }

    /** A copy with this {@link #maskRate}. */
    public RowOptions withMaskRate(double maskRate) {
        return new RowOptions(
                batch, length, shareHybrid, shareOrdered, shareCausal, (float) maskRate, maxSpans, spanMin, spanMax,
                sentenceShare, openRoom);
    }

    /** A copy with this {@link #maxSpans}. */
    public RowOptions withMaxSpans(int maxSpans) {
        return new RowOptions(
                batch, length, shareHybrid, shareOrdered, shareCausal, maskRate, maxSpans, spanMin, spanMax,
                sentenceShare, openRoom);
    }

    /** A copy with this {@link #spanMin}. */
    public RowOptions withSpanMin(int spanMin) {
        return new RowOptions(
                batch, length, shareHybrid, shareOrdered, shareCausal, maskRate, maxSpans, spanMin, spanMax,
                sentenceShare, openRoom);
    }

    /** A copy with this {@link #spanMax}. */
    public RowOptions withSpanMax(int spanMax) {
        return new RowOptions(
                batch, length, shareHybrid, shareOrdered, shareCausal, maskRate, maxSpans, spanMin, spanMax,
                sentenceShare, openRoom);
    }

    /** A copy with this {@link #sentenceShare}. */
    public RowOptions withSentenceShare(double sentenceShare) {
        return new RowOptions(
                batch, length, shareHybrid, shareOrdered, shareCausal, maskRate, maxSpans, spanMin, spanMax, (float)
                sentenceShare, openRoom);
    }

    /** A copy with this {@link #openRoom}. */
    public RowOptions withOpenRoom(int openRoom) {
        return new RowOptions(
                batch, length, shareHybrid, shareOrdered, shareCausal, maskRate, maxSpans, spanMin, spanMax,
                sentenceShare, openRoom);
    }
}
