package dev.magnet.internal;

/**
 * Counts the calls that are inside something that can be closed. Closing lets no further call in and waits until the
 * last one has left.
 */
final class Gate {
    private final String what;
    private final ThreadLocal<int[]> depth = ThreadLocal.withInitial(() -> new int[1]);
    private int inside;
    private boolean closed;

    /** @param what name of the thing, for messages */
    Gate(String what) {
        this.what = what;
    }

    /**
     * Lets a call in; {@link #leave()} must follow on the same thread.
     *
     * @throws IllegalStateException if the gate is closed
     */
    void enter() {
        Stack.ensureRoom();
        synchronized (this) {
            if (closed) {
                throw closedException();
            }
            inside++;
        }
        depth.get()[0]++;
    }

    void leave() {
        int[] mine = depth.get();
        if (--mine[0] == 0) {
            depth.remove();
        }
        synchronized (this) {
            if (--inside == 0) {
                notifyAll();
            }
        }
    }

    /** Whether this thread is inside, in a callback of a call that it made. */
    boolean isInside() {
        return depth.get()[0] > 0;
    }

    synchronized boolean isClosed() {
        return closed;
    }

    IllegalStateException closedException() {
        return new IllegalStateException(what + " is closed");
    }

    /**
     * Closes the gate; calls that are inside may stay.
     *
     * @return whether it was open
     * @throws IllegalStateException on a thread that is inside, which would wait for itself
     */
    boolean close() {
        if (isInside()) {
            throw new IllegalStateException(what + " cannot be closed from inside one of its own calls");
        }
        synchronized (this) {
            boolean first = !closed;
            closed = true;
            return first;
        }
    }

    /** Waits, uninterruptibly, until nobody is inside. */
    synchronized void awaitEmpty() {
        boolean interrupted = false;
        while (inside > 0) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
