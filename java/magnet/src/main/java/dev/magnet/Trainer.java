package dev.magnet;

import dev.magnet.internal.Call;
import dev.magnet.internal.Training;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One training run: a LoRA adapter learns a model's objectives (MNTP, SSCL and MSG, arXiv 2501.08648) from files.
 *
 * <pre>{@code
 * var options = TrainOptions.defaults().withTexts(Path.of("notes.txt")).withSteps(200);
 * Trainer.of(Path.of("smollm2.gguf"), Path.of("mine.gguf"), options).train(System.out::println);
 * var magnet = Magnet.load(Path.of("smollm2.gguf"), LoadOptions.defaults().withAdapters(Path.of("mine.gguf")));
 * }</pre>
 *
 * <p>Nothing runs until {@link #train()} or {@link #async} is called, and a trainer runs once. The adapter is written
 * whenever the loss on held-out text is the lowest so far, and at the end; beside it goes the checkpoint
 * {@code mine.ckpt}, unless the options name another file or none ({@link TrainOptions#withoutCheckpoint()}).
 *
 * <p>Stopping keeps what was learned: {@link #cancel()} and interrupting the thread that trains end the run after the
 * step that is being computed, adapter and checkpoint are written, and {@link TrainResult#stopped()} says so;
 * {@code Trainer.resume(trainer.checkpoint())} goes on. A stop that comes before the first step is over takes effect after
 * it.
 *
 * <p>Safe from any thread. A run uses as many threads as its options say, and shares nothing with a {@link Magnet} that
 * has the same file open.
 */
public final class Trainer {
    private final Function<Call, TrainResult> body;
    private final @Nullable Path checkpoint;
    private final AtomicBoolean begun = new AtomicBoolean();
    private final AtomicReference<@Nullable Call> running = new AtomicReference<>();
    private volatile boolean cancelled;

    private Trainer(Function<Call, TrainResult> body, @Nullable Path checkpoint) {
        this.body = body;
        this.checkpoint = checkpoint;
    }

    /**
     * A run from the start.
     *
     * @param model GGUF file of the base, a decoder that can be trained ({@link Magnet#checkTraining(Engine)})
     * @param output where the adapter goes (GGUF, which llama.cpp reads too)
     * @param options what it learns, from what and how
     */
    public static Trainer of(Path model, Path output, TrainOptions options) {
        Objects.requireNonNull(model, "model");
        Objects.requireNonNull(output, "output");
        Objects.requireNonNull(options, "options");
        return new Trainer(
                call -> Training.train(model, output, options, call), Training.checkpoint(output, options.files()));
    }

    /**
     * A run that goes on from a checkpoint, with the files and options of that run and bit for bit as if it had never
     * stopped.
     *
     * @param checkpoint a file that {@link TrainFiles#checkpoint()} named; it may have been moved
     */
    public static Trainer resume(Path checkpoint) {
        Objects.requireNonNull(checkpoint, "checkpoint");
        return new Trainer(call -> Training.resume(checkpoint, call), checkpoint);
    }

    /**
     * Where this run keeps all that it knows, for {@link #resume}: {@link TrainFiles#checkpoint()}, or else
     * {@code mine.ckpt} for an adapter {@code mine.gguf}; null if it keeps nothing. The file is replaced in one step every
     * {@link TrainOptions#checkpointEvery()} steps and when the run ends or is stopped, and stays when it is over.
     */
    public @Nullable Path checkpoint() {
        return checkpoint;
    }

    /** {@link #train(Consumer)} without a listener. */
    public TrainResult train() {
        return run(null);
    }

    /**
     * Trains, on this thread and as many more as the options say.
     *
     * @param listener told every step, on this thread. An exception that it throws stops the run, which keeps what was
     *     learned, and comes out of this method
     * @throws MagnetException {@link Status#IO} for a file that cannot be read or written, an adapter that exists, and a
     *     full disk; {@link Status#BAD_FILE} naming file and line; {@link Status#UNSUPPORTED} for a model that no
     *     engine, or not the one asked for, can train; {@link Status#TOO_LONG} for rows longer than the model reads;
     *     {@link Status#MISMATCH} for texts that have changed since the checkpoint; {@link Status#DIVERGED} naming the
     *     step whose loss is no finite number, with files as they were last good; {@link Status#CANCELLED} if it was
     *     stopped before it began
     */
    public TrainResult train(Consumer<? super TrainProgress> listener) {
        return run(Objects.requireNonNull(listener, "listener"));
    }

    /**
     * Trains on a daemon thread of its own, which tells the listener. Cancelling the future stops the run, which keeps
     * what was learned.
     */
    public CompletableFuture<TrainResult> async(Consumer<? super TrainProgress> listener) {
        Objects.requireNonNull(listener, "listener");
        var future = new CompletableFuture<TrainResult>();
        Thread.ofPlatform().daemon().name("magnet-trainer").start(() -> {
            try {
                future.complete(run(listener));
            } catch (Throwable e) {
                future.completeExceptionally(e);
            }
        });
        future.whenComplete((result, e) -> {
            if (future.isCancelled()) {
                cancel();
            }
        });
        return future;
    }

    /**
     * Stops the run, from any thread, and returns at once. One that has not begun never begins: what runs it throws
     * {@link MagnetException} with {@link Status#CANCELLED}. After its end nothing happens.
     */
    public void cancel() {
        cancelled = true;
        Call call = running.get();
        if (call != null) {
            call.cancel(Call.Cause.CALLER);
        }
    }

    /**
     * What a run with these options would take. Computes two of its steps, which cannot be interrupted, and writes
     * nothing.
     *
     * @throws MagnetException as {@link #train(Consumer)}
     */
    public static TrainEstimate estimate(Path model, TrainOptions options) {
        Objects.requireNonNull(model, "model");
        return Training.estimate(model, Objects.requireNonNull(options, "options"));
    }

    /** {@link #merge(Path, Path, Path, double, MergeType)} as trained, with the merged matrices in {@link MergeType#F16}. */
    public static void merge(Path model, Path adapter, Path output) {
        merge(model, adapter, output, 1, MergeType.F16);
    }

    /**
     * Writes base + scale x adapter as one model, which carries the adapter's recipe: it embeds and infills as the two do
     * together.
     *
     * @param model GGUF file of the base
     * @param adapter GGUF file of the adapter
     * @param output where the merged model goes; what is there is replaced, in one step
     * @param scale finite; 1 = as trained
     * @param type how the merged matrices are stored
     * @throws MagnetException {@link Status#IO}, {@link Status#BAD_FILE}, {@link Status#MISMATCH} for an adapter of
     *     another model, {@link Status#UNSUPPORTED} for {@link MergeType#BASE} where the base has a type that cannot be
     *     written
     */
    public static void merge(Path model, Path adapter, Path output, double scale, MergeType type) {
        Objects.requireNonNull(model, "model");
        Objects.requireNonNull(adapter, "adapter");
        Objects.requireNonNull(output, "output");
        Training.merge(model, adapter, (float) scale, Objects.requireNonNull(type, "type"), output);
    }

    private TrainResult run(@Nullable Consumer<? super TrainProgress> listener) {
        if (!begun.compareAndSet(false, true)) {
            throw new IllegalStateException("this trainer has run; make another one");
        }
        Call call = Call.tellingSteps(listener);
        running.set(call);
        if (cancelled) {
            call.cancel(Call.Cause.CALLER);
        }
        return body.apply(call);
    }
}
