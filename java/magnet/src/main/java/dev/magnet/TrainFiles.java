package dev.magnet;

import dev.magnet.internal.Defaults;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The files that a training reads, those by which it is judged, and what it writes beside the adapter. Text serves all
 * three objectives, pairs serve embeddings only; without pairs, a pair is two crops of one passage of the text.
 *
 * <p>Adapter, checkpoint and report are replaced in one step each: a kill, or a full disk, leaves the former one. No two
 * files may be one.
 *
 * @param texts plain text (UTF-8), or {@code .jsonl} with a {@code "text"} in each line
 * @param textUnit what a document is in plain text
 * @param pairs texts that belong together, and the shares that the files have
 * @param heldoutTexts texts to judge by; with {@code heldoutPairs} empty as well, a part of the above is kept out of
 *     training ({@link HeldoutOptions#rows()})
 * @param heldoutPairs pairs to judge by; each file's share is that of its loss
 * @param initAdapter adapter to start from, whose rank, alpha and targets count then; null = a new one
 * @param checkpoint all that the run knows, for {@link Trainer#resume}; what is there is replaced. null = the adapter's
 *     name with {@code .ckpt} in place of its extension, unless {@code noCheckpoint}
 * @param noCheckpoint whether no checkpoint is written, so that a run which is stopped cannot go on; not together with a
 *     {@code checkpoint}
 * @param metrics JSON Lines, an object a step; null = none
 * @param report one HTML page with the loss curves; null = none
 * @param half whether the adapter is written in F16 instead of F32
 * @param overwrite whether an adapter, checkpoint, metrics or report that exists is replaced; otherwise it fails the call before any work is done
 */
@Withers
public record TrainFiles(
        List<Path> texts,
        TextUnit textUnit,
        List<PairFile> pairs,
        List<Path> heldoutTexts,
        List<PairFile> heldoutPairs,
        @Nullable Path initAdapter,
        @Nullable Path checkpoint,
        boolean noCheckpoint,
        @Nullable Path metrics,
        @Nullable Path report,
        boolean half,
        boolean overwrite) implements TrainFilesWithers {
    /** Checks its arguments and makes its lists immutable. */
    public TrainFiles {
        texts = List.copyOf(texts);
        Objects.requireNonNull(textUnit, "textUnit");
        pairs = List.copyOf(pairs);
        heldoutTexts = List.copyOf(heldoutTexts);
        heldoutPairs = List.copyOf(heldoutPairs);
        if (checkpoint != null && noCheckpoint) {
            throw new MagnetException(
                    Status.INVALID_ARGUMENT,
                    "noCheckpoint is true, and checkpoint names " + checkpoint + "; leave one of them out");
        }
    }

    /** Nothing to learn from yet; beside the adapter, which must not exist, a checkpoint and nothing else. */
    public static TrainFiles defaults() {
        return Defaults.train().files();
    }
}
