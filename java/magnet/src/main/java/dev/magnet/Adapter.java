package dev.magnet;

import dev.magnet.internal.AdapterHandle;
import dev.magnet.internal.Runtime;

/**
 * A LoRA adapter of one model, loaded by {@link Magnet#loadAdapter}. Which calls use it, and how strongly, their
 * options say: {@code EmbedOptions.defaults().withAdapters(adapter.scaled(1))}.
 *
 * <p>Safe from any thread. Once it is closed, every call that names it throws {@link IllegalStateException}, as does one
 * that still waits for its turn; calls that compute with it go on. {@link #close()} waits for a call that is just
 * attaching the adapter. Closed with its {@link Magnet} at the latest.
 */
public final class Adapter implements AutoCloseable {
    private final Runtime runtime;
    private final AdapterHandle handle;

    Adapter(Runtime runtime, AdapterHandle handle) {
        this.runtime = runtime;
        this.handle = handle;
    }

    AdapterHandle handle() {
        return handle;
    }

    /** What its file says; works after {@code close()} too. */
    public AdapterInfo info() {
        return handle.info();
    }

    /**
     * This adapter at some strength.
     *
     * @param scale finite; 1 = as trained, 0 = not at all
     */
    public ScaledAdapter scaled(double scale) {
        return new ScaledAdapter(this, (float) scale);
    }

    /** Frees its native memory. Calling it again does nothing. */
    @Override
    public void close() {
        runtime.closeAdapter(handle);
    }
}
