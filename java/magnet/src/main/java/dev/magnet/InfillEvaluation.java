package dev.magnet;

import dev.magnet.internal.EvalParams;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/**
 * Infilling: perplexity and token accuracy of gaps, with the context read in several ways. All are measured on the same
 * gaps, which the seed draws. Figures {@code perplexity.CONTEXT}, {@code accuracy.CONTEXT}; series {@code tokens},
 * {@code logprob.CONTEXT}, {@code correct.CONTEXT}, a value a row. With {@link #room} also {@code end.CONTEXT}, the share of gaps that END
 * ends where it should and not before, and {@code ended.CONTEXT}.
 *
 * @param file TSV of the sentences of a story; for {@link InfillEvaluation.Gaps.Spans} a paragraph a line, for
 *     {@link InfillEvaluation.Gaps.Given} JSON Lines of {@code left}, {@code gap} and {@code right}
 * @param contexts what is compared; none = left alone, hybrid and ordered
 * @param gaps what is left out
 * @param room 0 = exact gaps; else open ones of so many places, a gap a row
 * @param maxTokens 0 = gaps are scored alone; else those that are given are filled too, by the likeliest tokens, at most so
 *     many: figures {@code exact.CONTEXT} and {@code edit.CONTEXT}, series of the same names
 * @param until with what such a filling ends at the latest
 * @param seed in [0, 2^32): where gaps lie
 * @param limit rows, from the first; 0 = all
 */
@Withers
public record InfillEvaluation(
        Path file,
        List<InfillContext> contexts,
        Gaps gaps,
        int room,
        int maxTokens,
        Until until,
        long seed,
        int limit)
        implements Evaluation, InfillEvaluationWithers {
    /** What is left out of a row. */
    public sealed interface Gaps {
        /**
         * Whole sentences, inner columns of a row.
         *
         * @param count gaps of a row, in [1, 64]
         */
        record Sentences(int count) implements Gaps {}

        /**
         * Tokens of a paragraph.
         *
         * @param count gaps of a paragraph, in [1, 64]
         * @param min tokens of one, at least; 1 or more
         * @param max tokens of one, at most
         * @param window tokens read of a paragraph, at most; 2 or more
         */
        record Spans(int count, int min, int max, int window) implements Gaps {}

        /** One gap a row, as the file has it. */
        record Given() implements Gaps {}

        /** One gap a row, as the file has it. */
        static Gaps given() {
            return new Given();
        }

        /** {@code count} sentences of a row. */
        static Gaps sentences(int count) {
            return new Sentences(count);
        }

        /** {@code count} spans of {@code min} to {@code max} tokens, in the first 256 tokens of a paragraph. */
        static Gaps spans(int count, int min, int max) {
            return new Spans(count, min, max, EvalParams.defaultWindow());
        }
    }

    /** Checks its arguments and makes lists immutable. */
    public InfillEvaluation {
        Objects.requireNonNull(file, "file");
        contexts = List.copyOf(contexts);
        Objects.requireNonNull(gaps, "gaps");
        Objects.requireNonNull(until, "until");
    }
}
