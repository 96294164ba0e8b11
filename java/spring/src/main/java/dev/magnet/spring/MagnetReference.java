package dev.magnet.spring;

import dev.magnet.Magnet;
import dev.magnet.ModelInfo;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.DisposableBean;

/**
 * The application's {@link Magnet}: asked for when it is first needed, and then remembered, for a closed context would make
 * another one, which nobody closes. Safe for use by many threads.
 */
public final class MagnetReference implements Supplier<Magnet>, DisposableBean {
    private final Supplier<Magnet> source;
    private final String configured;
    private @Nullable Magnet magnet; // guarded by this, like the next three
    private @Nullable Magnet byProperties;
    private @Nullable RuntimeException failure;
    private boolean destroyed;

    /**
     * A reference that nobody has followed yet.
     *
     * @param configured the model's name in {@code magnet.model}
     */
    public MagnetReference(Supplier<Magnet> source, String configured) {
        this.source = source;
        this.configured = configured;
    }

    /**
     * The model.
     *
     * @throws IllegalStateException after the end of the application's context
     */
    @Override
    public Magnet get() {
        synchronized (this) {
            if (magnet != null) {
                return magnet;
            }
            if (destroyed) {
                throw new IllegalStateException("the application's context is closed, and its Magnet with it");
            }
        }
        try {
            Magnet found = source.get(); // not under the lock: others may want the name meanwhile
            synchronized (this) {
                magnet = found;
                failure = null;
            }
            return found;
        } catch (RuntimeException e) {
            synchronized (this) {
                failure = e;
            }
            throw e;
        }
    }

    /** Takes note that this one was loaded as the properties say. */
    synchronized Magnet loaded(Magnet loaded) {
        byProperties = loaded;
        return loaded;
    }

    /** Why it could not be had the last time, or null. */
    synchronized @Nullable RuntimeException failure() {
        return failure;
    }

    /** What it is called: in the properties, or, of a bean of the application's own, in the model's file. */
    public synchronized String name() {
        if (magnet == null || magnet == byProperties) {
            return configured;
        }
        ModelInfo info = magnet.info();
        return info.name().isEmpty() ? info.architecture() : info.name();
    }

    /** Whether a request that names a model means this one. */
    void checkName(@Nullable String asked) {
        if (asked != null && !asked.equals(name()) && !asked.equals(configured)) {
            throw new IllegalArgumentException("model \"" + asked + "\" is not loaded; " + name() + " is");
        }
    }

    @Override
    public synchronized void destroy() {
        destroyed = true;
    }
}
