package dev.magnet;

import java.util.Objects;

/**
 * An adapter and how strongly it counts in a call.
 *
 * @param adapter the adapter
 * @param scale finite; 1 = as trained, 0 = not at all
 */
public record ScaledAdapter(Adapter adapter, float scale) {
    /** Checks its arguments. */
    public ScaledAdapter {
        Objects.requireNonNull(adapter, "adapter");
    }
}
