package dev.magnet;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Semantic similarity: Spearman's rank correlation, x100, of cosines with gold scores. Equal values share the mean of
 * their ranks. Figures {@code spearman.ATTENTION.POOLING}; series {@code gold}, {@code cosine.ATTENTION.POOLING}.
 *
 * @param file TSV: score, text, text
 * @param poolings what is compared; none = the adapter's alone
 * @param attentions what is compared; none = the adapter's alone
 * @param instruction prefix of every text; null = the adapter's own, "" = none
 * @param limit pairs, from the first; 0 = all
 */
public record StsEvaluation(
        Path file,
        List<Pooling> poolings,
        List<Attention> attentions,
        @Nullable String instruction,
        int limit)
        implements Evaluation {
    /** Checks its arguments and makes lists immutable. */
    public StsEvaluation {
        Objects.requireNonNull(file, "file");
        poolings = List.copyOf(poolings);
        attentions = List.copyOf(attentions);
    }

    /** A copy on this {@link #file}. */
    public StsEvaluation withFile(Path file) {
        return new StsEvaluation(file, poolings, attentions, instruction, limit);
    }

    /** A copy that compares these {@link #poolings}. */
    public StsEvaluation withPoolings(Pooling... poolings) {
        return new StsEvaluation(file, List.of(poolings), attentions, instruction, limit);
    }

    /** A copy that compares these {@link #attentions}. */
    public StsEvaluation withAttentions(Attention... attentions) {
        return new StsEvaluation(file, poolings, List.of(attentions), instruction, limit);
    }

    /** A copy with this {@link #instruction}; null = the adapter's own, "" = none. */
    public StsEvaluation withInstruction(@Nullable String instruction) {
        return new StsEvaluation(file, poolings, attentions, instruction, limit);
    }

    /** A copy with this {@link #limit}. */
    public StsEvaluation withLimit(int limit) {
        return new StsEvaluation(file, poolings, attentions, instruction, limit);
    }
}
