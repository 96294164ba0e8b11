package dev.magnet.internal;

import dev.magnet.ffi.c.magnet_h;
import dev.magnet.ffi.c.magnet_log_callback;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Hands the native library's log to the System.Logger named {@code dev.magnet}. */
final class LogBridge {
    static final Logger LOGGER = System.getLogger("dev.magnet");

    /** Initialising the class installs the callback, once. It lives as long as the process, as the library does. */
    private static final class Installed {
        static {
            magnet_h.magnet_log_set(
                    magnet_log_callback.allocate(LogBridge::log, Arena.global()), MemorySegment.NULL);
        }

        private static void touch() {}
    }

    private LogBridge() {}

    static void install() {
        Installed.touch();
    }

    private static void log(int level, MemorySegment message, MemorySegment userData) {
        try {
            Level javaLevel = javaLevel(level);
            if (LOGGER.isLoggable(javaLevel)) {
                LOGGER.log(javaLevel, message.getString(0));
            }
        } catch (Throwable e) {
            // A logger that fails must not take the process with it, and there is nobody to tell.
        }
    }

    /** What llama.cpp calls information, a page for every model, is for whoever looks for a mistake. */
    private static Level javaLevel(int level) {
        if (level >= magnet_h.MAGNET_LOG_ERROR()) {
            return Level.ERROR;
        }
        if (level >= magnet_h.MAGNET_LOG_WARN()) {
            return Level.WARNING;
        }
        return level >= magnet_h.MAGNET_LOG_INFO() ? Level.DEBUG : Level.TRACE;
    }
}
