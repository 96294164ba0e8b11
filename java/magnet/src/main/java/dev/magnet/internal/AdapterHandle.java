package dev.magnet.internal;

import dev.magnet.AdapterInfo;
import dev.magnet.Attention;
import dev.magnet.InfillContext;
import dev.magnet.Pooling;
import dev.magnet.ffi.c.magnet_adapter_info;
import dev.magnet.ffi.c.magnet_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/**
 * A native adapter. Closing it while a call attaches it waits. Sessions that have it keep what they need, for the calls
 * that run; no later call gets it.
 */
public final class AdapterHandle implements AutoCloseable {
    private final ModelHandle model;
    private final MemorySegment adapter;
    private final AdapterInfo info;
    private final Gate gate;

    private AdapterHandle(ModelHandle model, MemorySegment adapter, Path file) {
        this.model = model;
        this.adapter = adapter;
        this.gate = new Gate("the adapter " + file);
        this.info = readInfo(adapter);
    }

    static AdapterHandle load(ModelHandle model, Path file) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment path = Native.cString(arena, file.toAbsolutePath().toString(), "path");
            MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
            Native.check(magnet_h.magnet_adapter_load(model.segment(), path, out));
            return new AdapterHandle(model, out.get(ValueLayout.ADDRESS, 0), file);
        }
    }

    /** What its file says. */
    public AdapterInfo info() {
        return info;
    }

    boolean belongsTo(ModelHandle other) {
        return model == other;
    }

    /** Throws if this is closed. */
    void ensureOpen() {
        if (gate.isClosed()) {
            throw gate.closedException();
        }
    }

    /** The native adapter, which stays until {@link #release()}. */
    MemorySegment acquire() {
        gate.enter();
        return adapter;
    }

    void release() {
        gate.leave();
    }

    @Override
    public void close() {
        if (gate.close()) {
            gate.awaitEmpty();
            magnet_h.magnet_adapter_free(adapter);
        }
    }

    private static AdapterInfo readInfo(MemorySegment adapter) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment info = magnet_adapter_info.allocate(arena);
            Native.check(magnet_h.magnet_adapter_get_info(adapter, info));
            return new AdapterInfo(
                    magnet_adapter_info.architecture(info).getString(0),
                    magnet_adapter_info.recipe_version(info),
                    magnet_adapter_info.instruction(info).getString(0),
                    magnet_adapter_info.document_instruction(info).getString(0),
                    Codes.value(Pooling.class, magnet_adapter_info.pooling(info)),
                    Codes.value(Attention.class, magnet_adapter_info.attention(info)),
                    Codes.value(InfillContext.class, magnet_adapter_info.context(info)),
                    magnet_adapter_info.rank(info),
                    magnet_adapter_info.alpha(info),
                    magnet_adapter_info.n_matrices(info),
                    magnet_adapter_info.token_mask(info),
                    magnet_adapter_info.token_end(info),
                    magnet_adapter_info.open_room(info));
        }
    }
}
