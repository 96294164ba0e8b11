package dev.magnet.internal;

import dev.magnet.LoadOptions;
import dev.magnet.MagnetException;
import dev.magnet.ScaledAdapter;
import dev.magnet.Status;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** All that one loaded model needs: the model, its sessions, its adapters, its threads; closed as a whole. */
public final class Runtime implements AutoCloseable {
    private final Gate gate = new Gate("this Magnet");
    private final ModelHandle model;
    private final SessionPool sessions;
    private final ExecutorService workers;
    private final Set<AdapterHandle> adapters = ConcurrentHashMap.newKeySet();
    private final List<Session.Attached> standardAdapters;
    private final Function<ScaledAdapter, AdapterHandle> handleOf;

    /**
     * Loads a model and the adapters of its options.
     *
     * @param handleOf finds what is behind an adapter of the API
     */
    public Runtime(Path file, LoadOptions options, Function<ScaledAdapter, AdapterHandle> handleOf) {
        this.handleOf = handleOf;
        model = ModelHandle.load(file, options);
        sessions = new SessionPool(model, options, gate);
        try {
            standardAdapters = options.adapters().stream()
                    .map(path -> new Session.Attached(loadAdapter(path), 1))
                    .toList();
            sessions.prepare(standardAdapters);
        } catch (Throwable e) {
            adapters.forEach(AdapterHandle::close);
            model.free();
            throw e;
        }
        workers = Executors.newCachedThreadPool(daemons("magnet-worker-"));
    }

    /** The model. Ask {@link #call} before touching it. */
    public ModelHandle model() {
        return model;
    }

    /** Threads for what does not run on its caller's; daemons, so that they keep no JVM alive. */
    public Executor workers() {
        return task -> {
            try {
                workers.execute(task);
            } catch (RejectedExecutionException e) {
                throw gate.closedException();
            }
        };
    }

    /** Runs something that needs the model but no session. */
    public <R> R call(Supplier<R> body) {
        gate.enter();
        try {
            return body.get();
        } finally {
            gate.leave();
        }
    }

    /** Throws if this is closed. */
    public void ensureOpen() {
        if (gate.isClosed()) {
            throw gate.closedException();
        }
    }

    /** Loads an adapter of this model, closed with it at the latest. */
    public AdapterHandle loadAdapter(Path file) {
        return call(() -> {
            AdapterHandle adapter = AdapterHandle.load(model, file);
            adapters.add(adapter);
            return adapter;
        });
    }

    /** Closes an adapter that {@link #loadAdapter} returned. */
    public void closeAdapter(AdapterHandle adapter) {
        adapter.close();
        adapters.remove(adapter);
    }

    /** {@link SessionPool#with}, with the adapters that the options name; null = the standard ones. */
    <R> R with(Call call, @Nullable List<ScaledAdapter> named, String prompt, SessionPool.Work<R> work) {
        return sessions.with(call, attached(named), prompt, work);
    }

    /** What {@link #with} throws without a look at its work: this, or an adapter, is closed or of another model. */
    void check(@Nullable List<ScaledAdapter> named) {
        attached(named);
    }

    private List<Session.Attached> attached(@Nullable List<ScaledAdapter> named) {
        ensureOpen();
        if (named == null) {
            return standardAdapters;
        }
        List<Session.Attached> attached = new ArrayList<>(named.size());
        for (ScaledAdapter scaled : named) {
            AdapterHandle handle = handleOf.apply(scaled);
            if (!handle.belongsTo(model)) {
                throw new MagnetException(Status.MISMATCH, "the adapter was loaded by another Magnet; load it with this one");
            }
            handle.ensureOpen(); // before it waits for a session; Session.useAdapters looks again
            attached.add(new Session.Attached(handle, scaled.scale()));
        }
        return attached;
    }

    /** Asks running calls to stop, waits for them and frees everything. Later calls do nothing. */
    @Override
    public void close() {
        if (gate.close()) {
            sessions.close();
            adapters.forEach(AdapterHandle::close);
            model.free();
            workers.shutdown();
        } else {
            gate.awaitEmpty();
        }
    }

    private static ThreadFactory daemons(String prefix) {
        var number = new AtomicInteger();
        return task -> {
            var thread = new Thread(task, prefix + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        };
    }
}
