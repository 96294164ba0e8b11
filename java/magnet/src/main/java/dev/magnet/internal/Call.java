package dev.magnet.internal;

import dev.magnet.MagnetException;
import dev.magnet.ProgressListener;
import dev.magnet.Status;
import dev.magnet.Token;
import dev.magnet.TrainProgress;
import dev.magnet.ffi.c.magnet_h;
import java.lang.foreign.MemorySegment;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.spi.AbstractInterruptibleChannel;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** One native call: who listens to it, how it is stopped, and what a listener threw. */
public final class Call {
    /** Why a call was asked to stop. */
    public enum Cause {
        /** The program said so. */
        CALLER,
        /** The calling thread was interrupted. */
        INTERRUPT,
        /** Its time is over. */
        TIMEOUT,
        /** What it works on is being closed. */
        CLOSE
    }

    private final @Nullable Consumer<? super Token> onToken;
    private final @Nullable ProgressListener onProgress;
    private final @Nullable Consumer<? super TrainProgress> onStep;
    private final long id = Upcalls.newId();
    private @Nullable Throwable thrown;

    private @Nullable Cause cause; // guarded by this, like the next two
    private @Nullable MemorySegment session;
    private @Nullable Runnable whenStopped;

    private Call(
            @Nullable Consumer<? super Token> onToken,
            @Nullable ProgressListener onProgress,
            @Nullable Consumer<? super TrainProgress> onStep) {
        this.onToken = onToken;
        this.onProgress = onProgress;
        this.onStep = onStep;
    }

    /** A call that tells its tokens, or nothing. */
    public static Call tellingTokens(@Nullable Consumer<? super Token> listener) {
        return new Call(listener, null, null);
    }

    /** A call that tells its progress, or nothing. */
    public static Call tellingProgress(@Nullable ProgressListener listener) {
        return new Call(null, listener, null);
    }

    /** A call that tells its training steps, or nothing. */
    public static Call tellingSteps(@Nullable Consumer<? super TrainProgress> listener) {
        return new Call(null, null, listener);
    }

    /** What every callback needs as its {@code user_data}. */
    MemorySegment userData() {
        return MemorySegment.ofAddress(id);
    }

    /** Asks the call to stop, from any thread. The first cause counts. */
    public void cancel(Cause why) {
        Runnable waiting;
        synchronized (this) {
            if (cause == null) {
                cause = why;
            }
            waiting = whenStopped;
        }
        if (waiting != null) {
            waiting.run();
        }
        stopSession();
    }

    /** Again and again, for a native call that is just beginning takes no notice. */
    private void stopSession() {
        synchronized (this) {
            if (session == null) {
                return;
            }
            magnet_h.magnet_session_cancel(session);
        }
        CompletableFuture.delayedExecutor(10, TimeUnit.MILLISECONDS, Runnable::run).execute(this::stopSession);
    }

    /** What else is to be done at once, by the thread that stops the call; null = nothing. */
    synchronized void whenStopped(@Nullable Runnable then) {
        whenStopped = then;
    }

    /** Why the call was asked to stop, or null if it was not. */
    public synchronized @Nullable Cause cause() {
        return cause;
    }

    /**
     * Runs the native call on this thread, and throws what a listener threw, or what its status means.
     *
     * @param on the session that it runs on, whose lease this thread holds; null for a call that needs none
     */
    void run(@Nullable MemorySegment on, IntSupplier body) {
        var interruption = new Interruption();
        Upcalls.begins(id, this);
        try {
            interruption.begins();
            synchronized (this) {
                if (cause != null) {
                    throw cancelled();
                }
                session = on;
            }
            int status = body.getAsInt();
            if (thrown != null) {
                throw sneaky(thrown);
            }
            if (status == magnet_h.MAGNET_STATUS_CANCELLED()) {
                throw cancelled();
            }
            Native.check(status);
        } finally {
            synchronized (this) {
                session = null;
            }
            interruption.ends();
            Upcalls.ends(id);
        }
    }

    /** Runs the body of this call on a thread of {@code workers}. Cancelling the future stops the call. */
    public <R> CompletableFuture<R> async(Executor workers, Supplier<R> body) {
        var future = new CompletableFuture<R>();
        workers.execute(() -> {
            try {
                future.complete(body.get());
            } catch (Throwable e) {
                future.completeExceptionally(e);
            }
        });
        future.whenComplete((result, e) -> {
            if (future.isCancelled()) {
                cancel(Cause.CALLER);
            }
        });
        return future;
    }

    /** The exception of a call that was stopped before it had a result, or all of it. */
    public MagnetException cancelled() {
        Cause why = cause();
        return new MagnetException(
                why == Cause.TIMEOUT ? Status.TIMEOUT : Status.CANCELLED,
                why == null
                        ? "the call was cancelled"
                        : switch (why) {
                            case CALLER -> "the call was cancelled";
                            case INTERRUPT -> "the thread was interrupted";
                            case TIMEOUT -> "the call's timeout is over";
                            case CLOSE -> "the model was closed during the call";
                        });
    }

    /**
     * Runs what waits for a session and then for the native call, all of it for so long at most.
     *
     * @param timeout null = as long as it takes
     */
    <R> R within(@Nullable Duration timeout, Supplier<R> body) {
        if (timeout == null) {
            return body.get();
        }
        var timer = new CompletableFuture<Void>();
        timer.orTimeout(Timeouts.nanos(timeout), TimeUnit.NANOSECONDS).whenComplete((nothing, e) -> {
            if (e instanceof TimeoutException) {
                cancel(Cause.TIMEOUT);
            }
        });
        try {
            return body.get();
        } finally {
            timer.cancel(false);
        }
    }

    /** Hands on a token. Returns whether the call is to go on; so do the next two. */
    boolean tellToken(Supplier<Token> token) {
        return guarded(onToken, listener -> listener.accept(token.get()));
    }

    boolean tellProgress(long done, long total) {
        return guarded(onProgress, listener -> listener.onProgress(done, total));
    }

    boolean tellStep(Supplier<TrainProgress> step) {
        return guarded(onStep, listener -> listener.accept(step.get()));
    }

    /** Runs a listener: nothing that it throws may reach native code. Returns whether the call is to go on. */
    private <L> boolean guarded(@Nullable L listener, Consumer<L> news) {
        try {
            if (Thread.currentThread().isInterrupted()) { // a listener's own channel may have taken the hook's place
                cancel(Cause.INTERRUPT);
            }
            if (cause() != null) {
                return false;
            }
            if (listener != null) {
                news.accept(listener);
            }
            return cause() == null;
        } catch (Throwable e) {
            thrown = e;
            return false;
        }
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> RuntimeException sneaky(Throwable e) throws T {
        throw (T) e;
    }

    /**
     * Lets {@link Thread#interrupt()} stop the call at once. A thread in native code does not see its interrupt flag;
     * the platform's hook for that is the one that closes a channel under a thread blocked on it.
     */
    private final class Interruption extends AbstractInterruptibleChannel {
        void begins() {
            begin();
        }

        void ends() {
            try {
                end(true);
            } catch (AsynchronousCloseException e) {
                // The thread's interrupt flag stays set; cancel() has been told.
            }
        }

        @Override
        protected void implCloseChannel() {
            cancel(Cause.INTERRUPT);
        }
    }
}
