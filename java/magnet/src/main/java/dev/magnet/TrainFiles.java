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
@Withers
public record TrainFiles(
        @Nullable Path checkpoint,
        int checkpointEvery,
        @Nullable Path metrics,
        @Nullable Path report,
        boolean overwrite) implements TrainFilesWithers {
    /** Nothing beside the adapter, which must not exist. */
    public static TrainFiles defaults() {
        return Defaults.train().files();
    }
}
