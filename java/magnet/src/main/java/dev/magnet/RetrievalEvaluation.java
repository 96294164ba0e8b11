package dev.magnet;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Retrieval: documents ranked by cosine. Queries without a relevant document are left out, and a document that is too
 * long is read from its beginning. Figures {@code ndcg@10.ATTENTION.POOLING}, {@code mrr.ATTENTION.POOLING},
 * {@code recall@K.ATTENTION.POOLING}; with {@code bm25} also those of {@code bm25} and {@code fused.ATTENTION.POOLING}.
 *
 * @param file queries, TSV: id, text
 * @param documents TSV: id, text
 * @param relevance query, document, grade as TSV, or the qrels of TREC; relevant is a grade above 0
 * @param cutoffs k of recall@k, at least 1; none = 1, 10, 100
 * @param poolings what is compared; none = the adapter's alone
 * @param attentions what is compared; none = the adapter's alone
 * @param instruction prefix of every query; null = the adapter's own, "" = none
 * @param documentInstruction prefix of every document; null = {@code instruction} if there is one, else the adapter's for
 *     documents, "" = none
 * @param bm25 whether to measure what words alone find (BM25), and the fusion of both
 * @param fusion share of the cosine in the fusion, in [0, 1]
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
        @Nullable String documentInstruction,
        boolean bm25,
        float fusion)
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
