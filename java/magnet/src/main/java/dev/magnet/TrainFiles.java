package dev.magnet;

import dev.magnet.internal.Defaults;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What a training writes beside the adapter. Adapter, checkpoint and report are replaced in one step each: a kill, or a
 * full disk, leaves the former one.
 *
 * @param checkpoint all that the run knows, for {@link Trainer#resume}; null = none
 * @param checkpointEvery steps between checkpoints, at least 1; one more is written when the run ends or is stopped
 * @param metrics JSON Lines, an object a step; null = none
 * @param report one HTML page with the loss curves; null = none
 * @param overwrite whether an adapter that exists is replaced; otherwise it fails the call before any work is done
 */
public record TrainFiles(
        @Nullable Path checkpoint,
        int checkpointEvery,
        @Nullable Path metrics,
        @Nullable Path report,
        boolean overwrite) {
    /** Nothing beside the adapter, which must not exist. */
    public static TrainFiles defaults() {
        return Defaults.train().files();
    }

    /** A copy with this {@link #checkpoint}, or without one. */
    public TrainFiles withCheckpoint(@Nullable Path checkpoint) {
        return new TrainFiles(checkpoint, checkpointEvery, metrics, report, overwrite);
    }

    /** A copy with this {@link #checkpointEvery}. */
    public TrainFiles withCheckpointEvery(int checkpointEvery) {
        return new TrainFiles(checkpoint, checkpointEvery, metrics, report, overwrite);
    }

    /** A copy with these {@link #metrics}, or without. */
    public TrainFiles withMetrics(@Nullable Path metrics) {
        return new TrainFiles(checkpoint, checkpointEvery, metrics, report, overwrite);
    }

    /** A copy with this {@link #report}, or without one. */
    public TrainFiles withReport(@Nullable Path report) {
        return new TrainFiles(checkpoint, checkpointEvery, metrics, report, overwrite);
    }

    /** A copy that does, or does not, {@link #overwrite}. */
    public TrainFiles withOverwrite(boolean overwrite) {
        return new TrainFiles(checkpoint, checkpointEvery, metrics, report, overwrite);
    }
}
