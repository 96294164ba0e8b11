package dev.magnet.internal;

import dev.magnet.LoadOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;

/**
 * The sessions of one model. A call leases one for as long as it runs; when all are leased, callers wait in the order
 * in which they came. A call made from inside another's callback never waits, which could be for itself: where no
 * session is free it gets one of its own.
 */
public final class SessionPool {
    private final ModelHandle model;
    private final LoadOptions options;
    private final Gate gate;
    private final Semaphore permits;
    private final List<Session> idle = new ArrayList<>(); // guarded by itself; least recently used first
    private final Set<Call> running = ConcurrentHashMap.newKeySet();
    private final ThreadLocal<Integer> leases = ThreadLocal.withInitial(() -> 0);

    /** What is done with a leased session. */
    @FunctionalInterface
    interface Work<R> {
        R on(Session session);
    }

    /**
     * An empty pool.
     *
     * @param gate of the model: entered before a call, closed before {@link #close()}
     */
    SessionPool(ModelHandle model, LoadOptions options, Gate gate) {
        this.model = model;
        this.options = options;
        this.gate = gate;
        this.permits = new Semaphore(options.sessions(), true);
    }

    /**
     * Runs {@code work} on a session with these adapters; of the idle ones on that whose cache spares most of
     * {@code prompt}.
     *
     * @param prompt what a cache may hold the beginning of; "" for work that uses no cache
     */
    <R> R with(Call call, List<Session.Attached> adapters, String prompt, Work<R> work) {
        gate.enter();
        try {
            boolean nested = leases.get() > 0;
            boolean permitted = nested ? permits.tryAcquire() : await(call);
            try {
                running.add(call);
                if (gate.isClosed()) {
                    throw gate.closedException();
                }
                return lease(adapters, prompt, permitted, work);
            } finally {
                running.remove(call);
                if (permitted) {
                    permits.release();
                }
            }
        } finally {
            gate.leave();
        }
    }

    private boolean await(Call call) {
        try {
            permits.acquire();
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            call.cancel(Call.Cause.INTERRUPT);
            throw call.cancelled();
        }
    }

    private <R> R lease(List<Session.Attached> adapters, String prompt, boolean pooled, Work<R> work) {
        Session session = take(adapters, prompt);
        leases.set(leases.get() + 1);
        try {
            session.useAdapters(adapters);
            return work.on(session);
        } finally {
            if (leases.get() == 1) {
                leases.remove();
            } else {
                leases.set(leases.get() - 1);
            }
            if (pooled) {
                synchronized (idle) {
                    idle.add(session);
                }
            } else {
                session.free();
            }
        }
    }

    private Session take(List<Session.Attached> adapters, String prompt) {
        synchronized (idle) {
            Session best = null;
            long bestRank = Long.MIN_VALUE;
            for (Session session : idle) {
                // The right adapters first, then the longest prefix that is spared, then the least that is forgotten.
                int prefix = session.cachedPrefix(prompt);
                long rank = (session.hasAdapters(adapters) ? 1L << 62 : 0)
                        + ((long) prefix << 31)
                        - (session.cachedLength() - prefix);
                if (rank > bestRank) {
                    best = session;
                    bestRank = rank;
                }
            }
            if (best != null) {
                idle.remove(best);
                return best;
            }
        }
        return new Session(model, options);
    }

    /** Asks all running calls to stop, waits for them and frees the sessions. The gate is closed before. */
    void close() {
        running.forEach(call -> call.cancel(Call.Cause.CLOSE));
        gate.awaitEmpty();
        idle.forEach(Session::free);
        idle.clear();
    }
}
