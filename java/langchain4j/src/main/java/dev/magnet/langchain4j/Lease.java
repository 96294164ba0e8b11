package dev.magnet.langchain4j;

import dev.magnet.Adapter;
import dev.magnet.LoadOptions;
import dev.magnet.Magnet;
import dev.magnet.ModelInfo;
import dev.magnet.ScaledAdapter;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** A loaded model, shared by all who asked for it in the same way, or borrowed from the application. */
final class Lease implements AutoCloseable {
    private record Key(Path file, LoadOptions options) {}

    private static final class Shared {
        final Magnet magnet;
        final Map<Path, Adapter> adapters = new HashMap<>();
        int users;

        Shared(Magnet magnet) {
            this.magnet = magnet;
        }
    }

    private static final Map<Key, Shared> LOADED = new HashMap<>(); // guarded by itself

    private final Magnet magnet;
    private final @Nullable Key key;
    private final String modelName;
    private final @Nullable List<ScaledAdapter> adapters;
    private final AtomicBoolean closed = new AtomicBoolean();

    private Lease(
            Magnet magnet, @Nullable Key key, @Nullable String modelName, @Nullable List<ScaledAdapter> adapters) {
        this.magnet = magnet;
        this.key = key;
        this.adapters = adapters;
        ModelInfo info = magnet.info();
        this.modelName = modelName != null ? modelName : info.name().isEmpty() ? info.architecture() : info.name();
    }

    /** The model in {@code file}, loaded once for all that ask with the same options, whatever their adapters. */
    static Lease shared(Path file, LoadOptions options, @Nullable String modelName, @Nullable Path adapter) {
        var key = new Key(file.toAbsolutePath().normalize(), options);
        synchronized (LOADED) {
            Shared shared = LOADED.get(key);
            if (shared == null) {
                shared = new Shared(Magnet.load(file, options));
                LOADED.put(key, shared);
            }
            shared.users++;
            try {
                return new Lease(shared.magnet, key, modelName, adapters(shared, adapter));
            } catch (RuntimeException e) {
                release(key);
                throw e;
            }
        }
    }

    private static List<ScaledAdapter> adapters(Shared shared, @Nullable Path adapter) {
        if (adapter == null) {
            return List.of();
        }
        Path file = adapter.toAbsolutePath().normalize();
        return List.of(shared.adapters.computeIfAbsent(file, shared.magnet::loadAdapter).scaled(1));
    }

    private static void release(Key key) {
        synchronized (LOADED) {
            Shared shared = LOADED.get(key);
            if (--shared.users == 0) {
                LOADED.remove(key);
                free(shared.magnet);
            }
        }
    }

    /** A model cannot wait for the call that it is closed from, as by a handler: another thread waits then. */
    private static void free(Magnet magnet) {
        try {
            magnet.close();
        } catch (IllegalStateException e) {
            Thread.ofPlatform().daemon().name("magnet-close").start(magnet::close);
        }
    }

    /** A model of the application's, which closes it. */
    static Lease borrowed(Magnet magnet) {
        return new Lease(Objects.requireNonNull(magnet, "magnet"), null, null, null);
    }

    /**
     * The model.
     *
     * @throws IllegalStateException after {@link #close()}
     */
    Magnet magnet() {
        if (closed.get()) {
            throw new IllegalStateException("this model is closed");
        }
        return magnet;
    }

    String modelName() {
        return modelName;
    }

    /** Of every call; null = those that the borrowed model was loaded with. */
    @Nullable List<ScaledAdapter> adapters() {
        return adapters;
    }

    /** Frees the model if nobody else uses it; a borrowed one stays. Again does nothing. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true) && key != null) {
            release(key);
        }
    }
}
