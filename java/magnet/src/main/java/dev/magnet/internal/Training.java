package dev.magnet.internal;

import dev.magnet.MergeType;
import dev.magnet.TrainEstimate;
import dev.magnet.TrainFiles;
import dev.magnet.TrainOptions;
import dev.magnet.TrainProgress;
import dev.magnet.TrainResult;
import dev.magnet.ffi.c.magnet_h;
import dev.magnet.ffi.c.magnet_train_estimate;
import dev.magnet.ffi.c.magnet_train_params;
import dev.magnet.ffi.c.magnet_train_progress;
import dev.magnet.ffi.c.magnet_train_result;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.stream.DoubleStream;
import org.jspecify.annotations.Nullable;

/** The training calls of magnet.h. */
public final class Training {
    private Training() {}

    /** Where a run that writes {@code output} keeps its state; null = nowhere. */
    public static @Nullable Path checkpoint(Path output, TrainFiles files) {
        Path name = output.getFileName();
        if (files.checkpoint() != null || files.noCheckpoint() || name == null) {
            return files.checkpoint();
        }
        String text = name.toString();
        int dot = text.lastIndexOf('.');
        return output.resolveSibling(text.substring(0, dot > 0 ? dot : text.length()) + ".ckpt");
    }

    /** Trains from the start. */
    public static TrainResult train(Path model, Path output, TrainOptions options, Call call) {
        Library.load();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment params = Params.train(arena, model, output, options);
            magnet_train_params.on_step(params, Upcalls.onStep());
            magnet_train_params.on_step_user_data(params, call.userData());
            MemorySegment result = magnet_train_result.allocate(arena);
            call.run(null, () -> magnet_h.magnet_train(params, result));
            return result(result);
        }
    }

    /** Goes on from a checkpoint. */
    public static TrainResult resume(Path checkpoint, Call call) {
        Library.load();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment path = Native.path(arena, checkpoint, "checkpoint");
            MemorySegment result = magnet_train_result.allocate(arena);
            call.run(null, () ->
                    magnet_h.magnet_train_resume(path, Upcalls.onStep(), call.userData(), result));
            return result(result);
        }
    }

    /** Takes two steps and writes nothing. */
    public static TrainEstimate estimate(Path model, TrainOptions options) {
        Library.load();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment params = Params.train(arena, model, null, options);
            MemorySegment estimate = magnet_train_estimate.allocate(arena);
            Native.check(magnet_h.magnet_train_measure(params, estimate));
            return new TrainEstimate(
                    magnet_train_estimate.n_steps(estimate),
                    magnet_train_estimate.tokens_per_step(estimate),
                    magnet_train_estimate.n_windows(estimate),
                    magnet_train_estimate.n_pairs(estimate),
                    magnet_train_estimate.n_parameters(estimate),
                    magnet_train_estimate.peak_bytes(estimate),
                    Results.seconds(magnet_train_estimate.seconds_per_step(estimate)),
                    Results.seconds(magnet_train_estimate.seconds(estimate)));
        }
    }

    /** Writes base + scale * adapter. */
    public static void merge(Path model, Path adapter, float scale, MergeType type, Path output) {
        Library.load();
        try (Arena arena = Arena.ofConfined()) {
            Native.check(magnet_h.magnet_merge(
                    Native.path(arena, model, "model"),
                    Native.path(arena, adapter, "adapter"),
                    scale,
                    Codes.of(type),
                    Native.path(arena, output, "output")));
        }
    }

    private static TrainResult result(MemorySegment result) {
        return Params.TRAINED.read(result);
    }

    static TrainProgress progress(MemorySegment progress) {
        return new TrainProgress(
                magnet_train_progress.step(progress),
                magnet_train_progress.n_steps(progress),
                magnet_train_progress.stage(progress),
                magnet_train_progress.n_tokens(progress),
                Results.seconds(magnet_train_progress.seconds(progress)),
                Results.seconds(magnet_train_progress.seconds_left(progress)),
                magnet_train_progress.tokens_per_second(progress),
                new TrainProgress.Losses(
                        magnet_train_progress.loss(progress),
                        magnet_train_progress.mntp(progress),
                        magnet_train_progress.sscl(progress),
                        magnet_train_progress.msg(progress),
                        magnet_train_progress.base(progress)),
                magnet_train_progress.learning_rate(progress),
                magnet_train_progress.gradient_norm(progress),
                heldout(progress),
                magnet_train_progress.best_step(progress),
                magnet_train_progress.best_score(progress));
    }

    /** Null after a step without a look: nothing in it is a number then. */
    private static TrainProgress.@Nullable Heldout heldout(MemorySegment progress) {
        var heldout = new TrainProgress.Heldout(
                magnet_train_progress.heldout_mntp(progress),
                magnet_train_progress.heldout_sscl(progress),
                magnet_train_progress.heldout_msg_hybrid(progress),
                magnet_train_progress.heldout_msg_ordered(progress),
                magnet_train_progress.heldout_causal(progress),
                magnet_train_progress.heldout_score(progress));
        boolean looked = DoubleStream.of(
                        heldout.mntp(), heldout.sscl(), heldout.msgHybrid(), heldout.msgOrdered(), heldout.causal(),
                        heldout.score())
                .anyMatch(loss -> !Double.isNaN(loss));
        return looked ? heldout : null;
    }
}
