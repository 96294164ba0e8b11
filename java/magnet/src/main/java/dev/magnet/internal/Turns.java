package dev.magnet.internal;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** So many calls at a time. Others wait, in the order in which they came, until it is their turn or they are stopped. */
final class Turns {
    private final ReentrantLock lock = new ReentrantLock();
    private final Deque<Waiter> waiting = new ArrayDeque<>(); // guarded by the lock, like free
    private int free;

    private final class Waiter {
        final Condition changed = lock.newCondition();
        boolean mayGo;

        void wake() {
            lock.lock();
            try {
                changed.signal();
            } finally {
                lock.unlock();
            }
        }
    }

    /** @param atOnce how many calls at a time */
    Turns(int atOnce) {
        free = atOnce;
    }

    /** Takes a turn if there is one, without waiting. */
    boolean tryTake() {
        lock.lock();
        try {
            return free > 0 && free-- > 0;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits for a turn; {@link #giveBack()} must follow.
     *
     * @throws dev.magnet.MagnetException if the call is stopped, or its thread interrupted, meanwhile
     */
    void take(Call call) {
        var me = new Waiter();
        call.whenStopped(me::wake);
        lock.lock();
        try {
            if (free > 0) {
                free--;
                return;
            }
            waiting.add(me);
            while (!me.mayGo) {
                if (call.cause() != null) {
                    waiting.remove(me);
                    throw call.cancelled();
                }
                try {
                    me.changed.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    call.cancel(Call.Cause.INTERRUPT); // wakes nobody but this thread, which has the lock
                    if (!me.mayGo) {
                        waiting.remove(me);
                        throw call.cancelled();
                    }
                }
            }
        } finally {
            lock.unlock();
            call.whenStopped(null);
        }
    }

    /** Lets the next one go. */
    void giveBack() {
        lock.lock();
        try {
            Waiter next = waiting.poll();
            if (next == null) {
                free++;
            } else {
                next.mayGo = true;
                next.changed.signal();
            }
        } finally {
            lock.unlock();
        }
    }
}
