package dev.magnet.internal;

import dev.magnet.Token;
import dev.magnet.ffi.c.magnet_progress;
import dev.magnet.ffi.c.magnet_progress_callback;
import dev.magnet.ffi.c.magnet_token_callback;
import dev.magnet.ffi.c.magnet_token_event;
import dev.magnet.ffi.c.magnet_train_callback;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;

/**
 * The way from native code back to a {@link Call}. Upcalls find their call by a number passed as {@code user_data}: the
 * stubs live as long as the process, and making a call makes no stub.
 */
final class Upcalls {
    private static final AtomicLong NEXT_ID = new AtomicLong(1);
    private static final ConcurrentHashMap<Long, Call> RUNNING = new ConcurrentHashMap<>();

    /** Made on first use, after the library is known to be there. */
    private static final class Stubs {
        static final MemorySegment ON_TOKEN = magnet_token_callback.allocate(Upcalls::token, Arena.global());
        static final MemorySegment ON_PROGRESS = magnet_progress_callback.allocate(Upcalls::progress, Arena.global());
        static final MemorySegment ON_STEP = magnet_train_callback.allocate(Upcalls::step, Arena.global());
    }

    private Upcalls() {}

    static long newId() {
        return NEXT_ID.getAndIncrement();
    }

    static void begins(long id, Call call) {
        RUNNING.put(id, call);
    }

    static void ends(long id) {
        RUNNING.remove(id);
    }

    static MemorySegment onToken() {
        return Stubs.ON_TOKEN;
    }

    static MemorySegment onProgress() {
        return Stubs.ON_PROGRESS;
    }

    static MemorySegment onStep() {
        return Stubs.ON_STEP;
    }

    private static boolean token(MemorySegment event, MemorySegment userData) {
        return tell(userData, call -> call.tellToken(() -> new Token(
                magnet_token_event.id(event),
                Native.string(magnet_token_event.text(event), magnet_token_event.text_size(event)),
                magnet_token_event.logprob(event),
                magnet_token_event.part(event),
                magnet_token_event.index(event),
                List.of())));
    }

    private static boolean progress(MemorySegment progress, MemorySegment userData) {
        return tell(userData, call ->
                call.tellProgress(magnet_progress.done(progress), magnet_progress.total(progress)));
    }

    private static boolean step(MemorySegment progress, MemorySegment userData) {
        return tell(userData, call -> call.tellStep(() -> Training.progress(progress)));
    }

    private static boolean tell(MemorySegment userData, Predicate<Call> news) {
        Call call = RUNNING.get(userData.address());
        return call != null && news.test(call);
    }
}
