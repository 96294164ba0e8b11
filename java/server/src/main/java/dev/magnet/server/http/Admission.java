package dev.magnet.server.http;

import java.util.concurrent.Semaphore;

/** Lets so many requests in at a time. Safe from any thread. */
final class Admission {
    private final int most;
    private final Semaphore free;

    Admission(int most) {
        this.most = most;
        this.free = new Semaphore(most);
    }

    /**
     * Lets one in; {@link #leave()} must follow.
     *
     * @throws HttpError 429 if there are too many
     */
    void enter() {
        if (!free.tryAcquire()) {
            throw HttpError.busy("the server has " + most + " requests to work on, which is its limit; come back later");
        }
    }

    void leave() {
        free.release();
    }

    /** How many are in. */
    int inside() {
        return most - free.availablePermits();
    }
}
