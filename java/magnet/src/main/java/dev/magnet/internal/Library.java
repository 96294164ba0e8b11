package dev.magnet.internal;

import dev.magnet.MagnetException;
import dev.magnet.Status;
import dev.magnet.SystemInfo;
import dev.magnet.ffi.MagnetLibrary;
import dev.magnet.ffi.c.magnet_h;
import dev.magnet.ffi.c.magnet_system_info;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** The door to the native library: everything that calls it has come through {@link #load()}. */
public final class Library {
    private Library() {}

    /**
     * Makes sure that the library is there.
     *
     * @throws MagnetException {@link Status#LIBRARY} if it is not
     */
    public static void load() {
        Stack.ensureRoom();
        try {
            MagnetLibrary.load();
        } catch (UnsatisfiedLinkError e) {
            throw new MagnetException(Status.LIBRARY, e.getMessage(), e);
        }
        LogBridge.install();
    }

    /** Version of the library and of the llama.cpp inside. */
    public static String version() {
        load();
        return magnet_h.magnet_version().getString(0);
    }

    /** What it found when it looked at the machine. */
    public static SystemInfo system() {
        load();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment info = magnet_system_info.allocate(arena);
            Native.check(magnet_h.magnet_system_get_info(info));
            return new SystemInfo(
                    magnet_system_info.platform(info).getString(0),
                    magnet_system_info.cpu(info).getString(0),
                    words(magnet_system_info.cpu_features(info).getString(0)),
                    magnet_system_info.kernels(info).getString(0),
                    words(magnet_system_info.usable_kernels(info).getString(0)),
                    magnet_system_info.llama_kernels(info).getString(0),
                    magnet_system_info.n_threads(info),
                    magnet_system_info.threads_reason(info).getString(0),
                    magnet_system_info.n_processors(info));
        }
    }

    private static List<String> words(String text) {
        return text.isEmpty() ? List.of() : List.of(text.split(" "));
    }
}
