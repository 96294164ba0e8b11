package dev.magnet.internal;

import dev.magnet.LoadOptions;
import dev.magnet.MagnetException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The sessions of one model. A call leases one for as long as it runs; when all are leased, callers wait in the order
 * in which they came. A call made from inside another's callback never waits, which could be for itself: where no
 * session is free it gets one of its own.
 */
public final class SessionPool {
    private final ModelHandle model;
    private final LoadOptions options;
    private final Gate gate;
    private final Turns turns;
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
        this.turns = new Turns(options.sessions());
    }

    /** Makes the first session, which costs little before it is used, so that options which cannot be met fail at once. */
    void prepare(List<Session.Attached> adapters) {
        var first = new Session(model, options);
        try {
            first.useAdapters(adapters);
        } catch (Throwable e) {
            first.free();
            throw e;
        }
        synchronized (idle) {
            idle.add(first);
        }
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
            running.add(call); // from here on close() stops it
            boolean nested = leases.get() > 0;
            boolean pooled = nested ? turns.tryTake() : await(call);
            try {
                if (gate.isClosed()) {
                    throw gate.closedException();
                }
                return lease(adapters, prompt, pooled, work);
            } finally {
                if (pooled) {
                    turns.giveBack();
                }
            }
        } finally {
            running.remove(call);
            gate.leave();
        }
    }

    private boolean await(Call call) {
        try {
            turns.take(call);
            return true;
        } catch (MagnetException e) {
            throw call.cause() == Call.Cause.CLOSE ? gate.closedException() : e;
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
