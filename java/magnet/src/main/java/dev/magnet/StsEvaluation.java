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
@Withers
public record StsEvaluation(
        Path file,
        List<Pooling> poolings,
        List<Attention> attentions,
        @Nullable String instruction,
        int limit)
        implements Evaluation, StsEvaluationWithers {
    /** Checks its arguments and makes lists immutable. */
    public StsEvaluation {
        Objects.requireNonNull(file, "file");
        poolings = List.copyOf(poolings);
        attentions = List.copyOf(attentions);
    }
}
