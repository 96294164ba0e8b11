package dev.magnet;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Retrieval: documents ranked by cosine. Queries without a relevant document are left out, and a document that is too
 * long is read from its beginning. Figures {@code ndcg@10.ATTENTION.POOLING}, {@code recall@K.ATTENTION.POOLING}.
 *
 * @param queries TSV: id, text
 * @param documents TSV: id, text
 * @param relevance query, document, grade as TSV, or the qrels of TREC; relevant is a grade above 0
 * @param cutoffs k of recall@k, at least 1; none = 1, 10, 100
 * @param poolings what is compared; none = the adapter's alone
 * @param attentions what is compared; none = the adapter's alone
 * @param instruction prefix of every query; null = the adapter's own, "" = none
 * @param documentInstruction prefix of every document; null = as of queries, "" = none
 */
public record RetrievalEvaluation(
        Path queries,
        Path documents,
        Path relevance,
        List<Integer> cutoffs,
        List<Pooling> poolings,
        List<Attention> attentions,
        @Nullable String instruction,
        @Nullable String documentInstruction)
        implements Evaluation {
    /** Checks its arguments and makes lists immutable. */
    public RetrievalEvaluation {
        Objects.requireNonNull(queries, "queries");
        Objects.requireNonNull(documents, "documents");
        Objects.requireNonNull(relevance, "relevance");
        cutoffs = List.copyOf(cutoffs);
        poolings = List.copyOf(poolings);
        attentions = List.copyOf(attentions);
    }

    /** A copy on these {@link #queries}. */
    public RetrievalEvaluation withQueries(Path queries) {
        return new RetrievalEvaluation(
                queries, documents, relevance, cutoffs, poolings, attentions, instruction, documentInstruction);
    }

    /** A copy on these {@link #documents}. */
    public RetrievalEvaluation withDocuments(Path documents) {
        return new RetrievalEvaluation(
                queries, documents, relevance, cutoffs, poolings, attentions, instruction, documentInstruction);
    }

    /** A copy with this {@link #relevance}. */
    public RetrievalEvaluation withRelevance(Path relevance) {
        return new RetrievalEvaluation(
                queries, documents, relevance, cutoffs, poolings, attentions, instruction, documentInstruction);
    }

    /** A copy with these {@link #cutoffs}. */
    public RetrievalEvaluation withCutoffs(int... cutoffs) {
        return new RetrievalEvaluation(
                queries, documents, relevance, Arrays.stream(cutoffs).boxed().toList(), poolings, attentions,
                instruction, documentInstruction);
    }

    /** A copy that compares these {@link #poolings}. */
    public RetrievalEvaluation withPoolings(Pooling... poolings) {
        return new RetrievalEvaluation(
                queries, documents, relevance, cutoffs, List.of(poolings), attentions, instruction,
                documentInstruction);
    }

    /** A copy that compares these {@link #attentions}. */
    public RetrievalEvaluation withAttentions(Attention... attentions) {
        return new RetrievalEvaluation(
                queries, documents, relevance, cutoffs, poolings, List.of(attentions), instruction,
                documentInstruction);
    }

    /** A copy with this {@link #instruction}; null = the adapter's own, "" = none. */
    public RetrievalEvaluation withInstruction(@Nullable String instruction) {
        return new RetrievalEvaluation(
                queries, documents, relevance, cutoffs, poolings, attentions, instruction, documentInstruction);
    }

    /** A copy with this {@link #documentInstruction}; null = as of queries, "" = none. */
    public RetrievalEvaluation withDocumentInstruction(@Nullable String documentInstruction) {
        return new RetrievalEvaluation(
                queries, documents, relevance, cutoffs, poolings, attentions, instruction, documentInstruction);
    }
}
