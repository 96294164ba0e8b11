package dev.magnet.internal;

import dev.magnet.LoadOptions;
import dev.magnet.ffi.c.magnet_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** A native session, its adapters, and the text that its cache holds. Used by the thread that has it leased. */
final class Session {
    private final MemorySegment session;
    private List<Attached> adapters = List.of();
    private String cached = "";

    /** An adapter in use. */
    record Attached(AdapterHandle adapter, float scale) {}

    Session(ModelHandle model, LoadOptions options) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
            Native.check(magnet_h.magnet_session_create(model.segment(), Params.session(arena, options), out));
            session = out.get(ValueLayout.ADDRESS, 0);
        }
    }

    MemorySegment segment() {
        return session;
    }

    boolean hasAdapters(List<Attached> wanted) {
        return adapters.equals(wanted);
    }

    /** How many characters of {@code prompt} it need not read again. */
    int cachedPrefix(String prompt) {
        int length = Math.min(cached.length(), prompt.length());
        int mismatch = 0;
        while (mismatch < length && cached.charAt(mismatch) == prompt.charAt(mismatch)) {
            mismatch++;
        }
        return mismatch;
    }

    /** How many characters its cache holds. */
    int cachedLength() {
        return cached.length();
    }

    /** Notes what its cache holds from now on. */
    void remember(String prompt) {
        cached = prompt;
    }

    /**
     * Attaches these adapters, and no others.
     *
     * @throws IllegalStateException if one is closed, also where this session still has it
     */
    void useAdapters(List<Attached> wanted) {
        if (hasAdapters(wanted)) {
            wanted.forEach(attached -> attached.adapter().ensureOpen());
            return;
        }
        int acquired = 0;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment handles = arena.allocate(ValueLayout.ADDRESS, Math.max(1, wanted.size()));
            MemorySegment scales = arena.allocate(ValueLayout.JAVA_FLOAT, Math.max(1, wanted.size()));
            for (Attached attached : wanted) {
                handles.setAtIndex(ValueLayout.ADDRESS, acquired, attached.adapter().acquire());
                scales.setAtIndex(ValueLayout.JAVA_FLOAT, acquired, attached.scale());
                acquired++;
            }
            Native.check(magnet_h.magnet_session_set_adapters(session, handles, scales, wanted.size()));
            adapters = wanted;
            cached = "";
        } finally {
            for (Attached attached : wanted.subList(0, acquired)) {
                attached.adapter().release();
            }
        }
    }

    void free() {
        magnet_h.magnet_session_free(session);
    }
}
