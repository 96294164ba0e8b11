package dev.magnet;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What frozen token vectors know of words: the accuracy of a softmax regression on them. Figures
 * {@code accuracy.TASK.ATTENTION}, {@code l2.TASK.ATTENTION} (the strength that was taken); series
 * {@code correct.TASK.ATTENTION}, 1 or 0 a word.
 *
 * @param trainFile CoNLL columns to learn from: word, part of speech, chunk, named entity
 * @param file CoNLL columns to judge by
 * @param tasks what is probed; none = all
 * @param attentions what is compared; none = both
 * @param word the vector of a word
 * @param l2 strengths of regularisation, above 0, of which the best on a held-out tenth of the training sentences is
 *     taken; none = 1e-2, 1e-3, 1e-4
 * @param instruction prefix of every sentence; null = none
 * @param trainLimit training sentences, from the first; 0 = all
 * @param limit sentences to judge by, from the first; 0 = all
 */
@Withers
public record ProbeEvaluation(
        Path trainFile,
        Path file,
        List<Task> tasks,
        List<Attention> attentions,
        Word word,
        List<Double> l2,
        @Nullable String instruction,
        int trainLimit,
        int limit)
        implements Evaluation, ProbeEvaluationWithers {
    /** Which column is predicted. */
    public enum Task {
        /** Part of speech, the second column. */
        POS,
        /** Syntactic chunk, the third column. */
        CHUNK,
        /** Named entity, the fourth column. */
        NER
    }

    /** The vector of a word that has several tokens. */
    public enum Word {
        /** The mean of its tokens'. */
        MEAN,
        /** Its first token's. */
        FIRST,
        /** Its last token's. */
        LAST,
        /** The mean of those one token before each of its tokens, where MNTP predicts them from. */
        PREVIOUS
    }

    /** Checks its arguments and makes lists immutable. */
    public ProbeEvaluation {
        Objects.requireNonNull(trainFile, "trainFile");
        Objects.requireNonNull(file, "file");
        tasks = List.copyOf(tasks);
        attentions = List.copyOf(attentions);
        Objects.requireNonNull(word, "word");
        l2 = List.copyOf(l2);
    }
}
