package dev.magnet.internal;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;

/** Lists that callers give. */
public final class Lists {
    private Lists() {}

    /**
     * An immutable copy.
     *
     * @param what one element, in the message
     * @throws NullPointerException naming the element that is null, as in "text 2"
     */
    public static <T> List<T> copyOf(Collection<? extends T> items, String what) {
        Objects.requireNonNull(items, what + "s");
        List<T> copy = new ArrayList<>(items);
        int none = copy.indexOf(null);
        if (none >= 0) {
            throw new NullPointerException(what + " " + none);
        }
        return List.copyOf(copy);
    }
}
