package dev.magnet.internal;

import dev.magnet.MagnetException;
import dev.magnet.Status;
import dev.magnet.ffi.MagnetLibrary;
import dev.magnet.ffi.c.magnet_h;

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
}
