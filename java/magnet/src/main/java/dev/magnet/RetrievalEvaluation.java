package dev.magnet;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Retrieval: documents ranked by cosine. Queries without a relevant document are left out, and a document that is too
 * long is read from its beginning. Figures {@code ndcg@10.ATTENTION.POOLING}, {@code recall@K.ATTENTION.POOLING}.
 *
 * @param file queries, TSV: id, text
 * @param documents TSV: id, text
 * @param relevance query, document, grade as TSV, or the qrels of TREC; relevant is a grade above 0
 * @param cutoffs k of recall@k, at least 1; none = 1, 10, 100
 * @param poolings what is compared; none = the adapter's alone
 * @param attentions what is compared; none = the adapter's alone
 * @param instruction prefix of every query; null = the adapter's own, "" = none
 * @param documentInstruction prefix of every document; null = as of queries, "" = none
 */
@Withers
public record RetrievalEvaluation(
        Path file,
        Path documents,
        Path relevance,
        List<Integer> cutoffs,
        List<Pooling> poolings,
        List<Attention> attentions,
        @Nullable String instruction,
        @Nullable String documentInstruction)
        implements Evaluation, RetrievalEvaluationWithers {
    /** Checks its arguments and makes lists immutable. */
    public RetrievalEvaluation {
        Objects.requireNonNull(file, "file");
        Objects.requireNonNull(documents, "documents");
        Objects.requireNonNull(relevance, "relevance");
        cutoffs = List.copyOf(cutoffs);
        poolings = List.copyOf(poolings);
        attentions = List.copyOf(attentions);
    }
}
