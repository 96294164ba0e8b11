package dev.magnet.internal;

import dev.magnet.MagnetException;
import dev.magnet.ProgressListener;
import dev.magnet.Status;
import dev.magnet.Token;
import dev.magnet.ffi.c.magnet_h;
import dev.magnet.ffi.c.magnet_progress;
import dev.magnet.ffi.c.magnet_progress_callback;
import dev.magnet.ffi.c.magnet_token_callback;
import dev.magnet.ffi.c.magnet_token_event;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.spi.AbstractInterruptibleChannel;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One native call: who listens to it, how it is stopped, and what a listener threw. Used once.
 *
 * <p>Upcalls find their call by a number passed as {@code user_data}: the two stubs live as long as the process, and
 * making a call makes no stub.
 */
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

    private static final AtomicLong NEXT_ID = new AtomicLong(1);
    private static final ConcurrentHashMap<Long, Call> RUNNING = new ConcurrentHashMap<>();

    /** Made on first use, after the library is known to be there. */
    private static final class Stubs {
        static final MemorySegment ON_TOKEN = magnet_token_callback.allocate(Call::dispatchToken, Arena.global());
        static final MemorySegment ON_PROGRESS = magnet_progress_callback.allocate(Call::dispatchProgress, Arena.global());
    }

    private final long id = NEXT_ID.getAndIncrement();
    private final @Nullable Consumer<? super Token> onToken;
    private final @Nullable ProgressListener onProgress;
    private @Nullable Throwable thrown;

    private @Nullable Cause cause; // guarded by this, like session
    private @Nullable MemorySegment session;

    /** A call that nobody listens to. */
    public Call() {
        this(null, null);
    }

    /**
     * A call.
     *
     * @param onToken told every token, or null
     * @param onProgress told progress, or null
     */
    public Call(@Nullable Consumer<? super Token> onToken, @Nullable ProgressListener onProgress) {
        this.onToken = onToken;
        this.onProgress = onProgress;
    }

    /** Callback that reports tokens to this call. */
    MemorySegment tokenCallback() {
        return Stubs.ON_TOKEN;
    }

    /** Callback that reports progress to this call. */
    MemorySegment progressCallback() {
        return Stubs.ON_PROGRESS;
    }

    /** What both callbacks need as their {@code user_data}. */
    MemorySegment userData() {
        return MemorySegment.ofAddress(id);
    }

    /** Asks the call to stop, from any thread. The first cause counts. */
    public synchronized void cancel(Cause why) {
        if (cause == null) {
            cause = why;
        }
        if (session != null) {
            magnet_h.magnet_session_cancel(session);
        }
    }

    /** Why the call was asked to stop, or null if it was not. */
    public synchronized @Nullable Cause cause() {
        return cause;
    }

    /**
     * Runs the native call on this thread, and throws what a listener threw, or what its status means.
     *
     * @param on the session that it runs on, whose lease this thread holds; null for a call that needs none
     * @param timeout when to stop it, or null
     */
    void run(@Nullable MemorySegment on, @Nullable Duration timeout, IntSupplier body) {
        var interruption = new Interruption();
        RUNNING.put(id, this);
        CompletableFuture<?> timer = startTimer(timeout);
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
            timer.cancel(false);
            interruption.ends();
            RUNNING.remove(id);
        }
    }

    /** The exception of a call that was stopped before it had a result. */
    MagnetException cancelled() {
        Cause why = cause();
        return new MagnetException(
                Status.CANCELLED,
                why == null
                        ? "the call was cancelled"
                        : switch (why) {
                            case CALLER -> "the call was cancelled";
                            case INTERRUPT -> "the thread was interrupted";
                            case TIMEOUT -> "the call's timeout is over";
                            case CLOSE -> "the model was closed during the call";
                        });
    }

    private CompletableFuture<?> startTimer(@Nullable Duration timeout) {
        var timer = new CompletableFuture<Void>();
        if (timeout != null) {
            timer.orTimeout(Math.max(0, toNanos(timeout)), TimeUnit.NANOSECONDS).whenComplete((nothing, e) -> {
                if (e instanceof TimeoutException) {
                    cancel(Cause.TIMEOUT);
                }
            });
        }
        return timer;
    }

    private static long toNanos(Duration duration) {
        try {
            return duration.toNanos();
        } catch (ArithmeticException e) {
            return duration.isNegative() ? 0 : Long.MAX_VALUE;
        }
    }

    private static boolean dispatchToken(MemorySegment event, MemorySegment userData) {
        Call call = RUNNING.get(userData.address());
        return call != null && call.guarded(() -> {
            if (call.onToken != null) {
                call.onToken.accept(new Token(
                        magnet_token_event.id(event),
                        Native.string(magnet_token_event.text(event), magnet_token_event.text_size(event)),
                        magnet_token_event.logprob(event),
                        magnet_token_event.part(event),
                        magnet_token_event.index(event),
                        List.of()));
            }
        });
    }

    private static boolean dispatchProgress(MemorySegment progress, MemorySegment userData) {
        Call call = RUNNING.get(userData.address());
        return call != null && call.guarded(() -> {
            if (call.onProgress != null) {
                call.onProgress.onProgress(magnet_progress.done(progress), magnet_progress.total(progress));
            }
        });
    }

    /** Runs a listener: nothing that it throws may reach native code. Returns whether the call is to go on. */
    private boolean guarded(Runnable listener) {
        try {
            if (cause() != null) {
                return false;
            }
            listener.run();
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
