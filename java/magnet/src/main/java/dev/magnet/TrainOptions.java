package dev.magnet;

import dev.magnet.internal.Defaults;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * How an adapter is trained. The defaults are the whole recipe, hybrid and ordered masks with all three objectives;
 * what there must be is {@link #withTexts} or {@link #withPairs}.
 *
 * <p>Values out of range are refused by the call that uses them.
 *
 * @param stages steps and objectives, one stage after the other; at least one
 * @param rows how text is read
 * @param contrast how embeddings are learned
 * @param lora the adapter
 * @param optimizer how it moves
 * @param heldout how it is judged
 * @param files what it learns from, and what is written beside the adapter
 * @param maskToken text of the token that masks others (MNTP) where the vocabulary has none; one token
 * @param context context of infilling that the adapter asks for; {@link InfillContext#DEFAULT} = what does better on
 *     held-out text
 * @param checkpointEvery steps between checkpoints, at least 1; one more is written when the run ends or is stopped
 * @param seed 0 or more; the same seed, files, options and threads give the same bits
 * @param threads threads to compute with; -1 = physical cores
 * @param engine what computes; {@link Engine#AUTO} = the fused engine where it covers the model, else llama.cpp's graph
 * @param gpuLayers layers held by the GPU, if the library has a GPU backend; -1 = all
 * @param exact whether products are computed in F32 instead of bf16
 * @param recompute whether to keep less of the forward pass and compute it again: less memory, slower
 */
@Withers
public record TrainOptions(
        List<TrainStage> stages,
        RowOptions rows,
        ContrastOptions contrast,
        LoraOptions lora,
        OptimizerOptions optimizer,
        HeldoutOptions heldout,
        TrainFiles files,
        String maskToken,
        InfillContext context,
        int checkpointEvery,
        long seed,
        int threads,
        Engine engine,
        int gpuLayers,
        boolean exact,
        boolean recompute) implements TrainOptionsWithers {
    /** Checks its arguments and makes {@code stages} immutable. */
    public TrainOptions {
        stages = List.copyOf(stages);
        Objects.requireNonNull(rows, "rows");
        Objects.requireNonNull(contrast, "contrast");
        Objects.requireNonNull(lora, "lora");
        Objects.requireNonNull(optimizer, "optimizer");
        Objects.requireNonNull(heldout, "heldout");
        Objects.requireNonNull(files, "files");
        Objects.requireNonNull(maskToken, "maskToken");
        Objects.requireNonNull(context, "context");
        Objects.requireNonNull(engine, "engine");
    }

    /** The native library's defaults, without files. */
    public static TrainOptions defaults() {
        return Defaults.train();
    }

    /** A copy that learns from these {@link TrainFiles#texts()}. */
    public TrainOptions withTexts(Path... texts) {
        return withFiles(files.withTexts(texts));
    }

    /** A copy that learns from these {@link TrainFiles#pairs()}, mixed. */
    public TrainOptions withPairs(Path... pairs) {
        return withFiles(files.withPairs(Stream.of(pairs).map(PairFile::of).toList()));
    }

    /** A copy that learns from these {@link TrainFiles#pairs()}. */
    public TrainOptions withPairs(PairFile... pairs) {
        return withFiles(files.withPairs(pairs));
    }

    /** A copy with one stage of so many steps, in which all objectives count alike. */
    public TrainOptions withSteps(int steps) {
        return withStages(TrainStage.of(steps));
    }

    /** A copy with this {@link TrainFiles#checkpoint()}; null = that of the adapter's name. */
    public TrainOptions withCheckpoint(@Nullable Path checkpoint) {
        return withFiles(files.withNoCheckpoint(false).withCheckpoint(checkpoint));
    }

    /** A copy whose run writes no checkpoint ({@link TrainFiles#noCheckpoint()}). */
    public TrainOptions withoutCheckpoint() {
        return withFiles(files.withCheckpoint(null).withNoCheckpoint(true));
    }

    /** A copy with these {@link TrainFiles#metrics()}, or without. */
    public TrainOptions withMetrics(@Nullable Path metrics) {
        return withFiles(files.withMetrics(metrics));
    }

    /** A copy with this {@link TrainFiles#report()}, or without one. */
    public TrainOptions withReport(@Nullable Path report) {
        return withFiles(files.withReport(report));
    }

    /** A copy that does, or does not, {@link TrainFiles#overwrite()} an adapter, checkpoint, metrics or report that exists. */
    public TrainOptions withOverwrite(boolean overwrite) {
        return withFiles(files.withOverwrite(overwrite));
    }
}
