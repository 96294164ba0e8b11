package dev.magnet;

import dev.magnet.internal.EvalParams;
import java.nio.file.Path;
import java.util.Map;

/**
 * A protocol that measures what a model does, and the files that it is measured on. {@code docs/eval.md} defines each,
 * with its source.
 *
 * <pre>{@code
 * Evaluated result = magnet.evaluate(Evaluation.sts(Path.of("stsb-dev.tsv")).withPoolings(Pooling.LAST, Pooling.MEAN));
 * result.figures().forEach(System.out::println);
 * }</pre>
 *
 * <p>Values out of range are refused by the call that uses them. A limit of 0 means no limit.
 */
public sealed interface Evaluation
        permits StsEvaluation, InfillEvaluation, PerplexityEvaluation, RepetitionEvaluation, ProbeEvaluation,
                ChoiceEvaluation, RetrievalEvaluation {
    /**
     * Semantic similarity of pairs of texts.
     *
     * @param file TSV: score, text, text
     */
    static StsEvaluation sts(Path file) {
        return EvalParams.defaults(StsEvaluation.class, Map.of("file", file));
    }

    /**
     * Infilling, one sentence left out.
     *
     * @param file TSV of the sentences of a story; for {@link InfillEvaluation.Gaps.Spans} a paragraph a line
     */
    static InfillEvaluation infill(Path file) {
        return EvalParams.defaults(
                InfillEvaluation.class, Map.of("file", file, "gaps", EvalParams.defaultGaps()));
    }

    /**
     * Causal perplexity.
     *
     * @param file plain text
     */
    static PerplexityEvaluation perplexity(Path file) {
        return EvalParams.defaults(PerplexityEvaluation.class, Map.of("file", file));
    }

    /**
     * Repetition in continuations.
     *
     * @param file plain text, a paragraph a line
     */
    static RepetitionEvaluation repetition(Path file) {
        return EvalParams.defaults(RepetitionEvaluation.class, Map.of("file", file));
    }

    /**
     * A probe of token vectors.
     *
     * @param trainFile CoNLL columns to learn from
     * @param file CoNLL columns to judge by
     */
    static ProbeEvaluation probe(Path trainFile, Path file) {
        return EvalParams.defaults(ProbeEvaluation.class, Map.of("trainFile", trainFile, "file", file));
    }

    /**
     * Multiple choice.
     *
     * @param file JSONL: {@code query}, {@code choices}, {@code gold}
     */
    static ChoiceEvaluation choice(Path file) {
        return EvalParams.defaults(ChoiceEvaluation.class, Map.of("file", file));
    }

    /**
     * Retrieval of documents.
     *
     * @param file queries, TSV: id, text
     * @param documents TSV: id, text
     * @param relevance query, document, grade
     */
    static RetrievalEvaluation retrieval(Path file, Path documents, Path relevance) {
        return EvalParams.defaults(
                RetrievalEvaluation.class, Map.of("file", file, "documents", documents, "relevance", relevance));
    }
}
