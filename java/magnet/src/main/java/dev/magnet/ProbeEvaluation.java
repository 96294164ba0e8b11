package dev.magnet;

import java.nio.file.Path;
import java.util.Arrays;
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
        implements Evaluation {
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

    /** A copy that learns from this {@link #trainFile}. */
    public ProbeEvaluation withTrainFile(Path trainFile) {
        return new ProbeEvaluation(trainFile, file, tasks, attentions, word, l2, instruction, trainLimit, limit);
    }

    /** A copy on this {@link #file}. */
    public ProbeEvaluation withFile(Path file) {
        return new ProbeEvaluation(trainFile, file, tasks, attentions, word, l2, instruction, trainLimit, limit);
    }

    /** A copy that probes these {@link #tasks}. */
    public ProbeEvaluation withTasks(Task... tasks) {
        return new ProbeEvaluation(
                trainFile, file, List.of(tasks), attentions, word, l2, instruction, trainLimit, limit);
    }

    /** A copy that compares these {@link #attentions}. */
    public ProbeEvaluation withAttentions(Attention... attentions) {
        return new ProbeEvaluation(
                trainFile, file, tasks, List.of(attentions), word, l2, instruction, trainLimit, limit);
    }

    /** A copy with this {@link #word}. */
    public ProbeEvaluation withWord(Word word) {
        return new ProbeEvaluation(trainFile, file, tasks, attentions, word, l2, instruction, trainLimit, limit);
    }

    /** A copy with these {@link #l2}. */
    public ProbeEvaluation withL2(double... l2) {
        return new ProbeEvaluation(
                trainFile, file, tasks, attentions, word, Arrays.stream(l2).boxed().toList(), instruction, trainLimit,
                limit);
    }

    /** A copy with this {@link #instruction}, or without one. */
    public ProbeEvaluation withInstruction(@Nullable String instruction) {
        return new ProbeEvaluation(trainFile, file, tasks, attentions, word, l2, instruction, trainLimit, limit);
    }

    /** A copy with this {@link #trainLimit}. */
    public ProbeEvaluation withTrainLimit(int trainLimit) {
        return new ProbeEvaluation(trainFile, file, tasks, attentions, word, l2, instruction, trainLimit, limit);
    }

    /** A copy with this {@link #limit}. */
    public ProbeEvaluation withLimit(int limit) {
        return new ProbeEvaluation(trainFile, file, tasks, attentions, word, l2, instruction, trainLimit, limit);
    }
}
