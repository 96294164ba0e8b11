package dev.magnet.internal;

import java.lang.System.Logger.Level;
import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Says so when something native becomes garbage without having been closed. It is not freed then: a collector that frees
 * would hide the mistake, and would free at a moment of its own choosing.
 */
public final class LeakReport {
    private static final Cleaner CLEANER = Cleaner.create();

    private final AtomicBoolean closed = new AtomicBoolean();

    private LeakReport() {}

    /**
     * Watches an object.
     *
     * @param owner the object, which keeps the report and calls {@link #closed()}
     * @param what what would leak, in words
     */
    public static LeakReport watch(Object owner, String what) {
        var report = new LeakReport();
        String where = StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE)
                .walk(frames -> frames.filter(frame -> !frame.getClassName().startsWith("dev.magnet.Magnet")
                                && frame.getDeclaringClass() != LeakReport.class)
                        .findFirst()
                        .map(Object::toString)
                        .orElse("an unknown place"));
        AtomicBoolean closed = report.closed; // not the report itself, which the owner reaches
        CLEANER.register(owner, () -> {
            if (!closed.get()) {
                LogBridge.LOGGER.log(
                        Level.WARNING,
                        what + ", loaded at " + where + ", was never closed: its native memory is lost. "
                                + "Call close(), best with try-with-resources.");
            }
        });
        return report;
    }

    /** The object was closed. */
    public void closed() {
        closed.set(true);
    }
}
