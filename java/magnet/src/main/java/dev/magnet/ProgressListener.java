package dev.magnet;

/** Told how far a long call is. May be called on any thread; an exception that it throws ends the call with it. */
@FunctionalInterface
public interface ProgressListener {
    /**
     * Called now and then, with growing {@code done}.
     *
     * @param done how much is done
     * @param total how much there is to do, in the same unit, or 0 if that is not known
     */
    void onProgress(long done, long total);
}
