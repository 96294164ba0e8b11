package dev.magnet;

import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Multiple choice by log-likelihood: a space and the option continue query and prompt. Figures
 * {@code accuracy.characters} (the highest log-likelihood per character of the option wins), {@code accuracy.tokens},
 * {@code accuracy.sum}.
 *
 * @param file JSONL: {@code query}, {@code choices}, and {@code gold}, the index of the right one
 * @param prompt put behind every query; null = nothing
 * @param limit questions, from the first; 0 = all
 */
@Withers
public record ChoiceEvaluation(
        Path file,
        @Nullable String prompt,
        int limit)
        implements Evaluation, ChoiceEvaluationWithers {
    /** Checks its arguments. */
    public ChoiceEvaluation {
        Objects.requireNonNull(file, "file");
    }
}
