package dev.magnet;

import dev.magnet.internal.Codes;
import dev.magnet.internal.Library;
import dev.magnet.ffi.c.magnet_h;

/**
 * Attention role of a token. The whole of MAGNET's mask is one rule over roles and positions:
 *
 * <ul>
 *   <li>a {@link #CONTEXT} token is seen by every token;
 *   <li>an {@link #ORDERED} token is seen by spans, and by tokens at its own position or behind it;
 *   <li>a {@link #SPAN} token is seen by spans at its own position or behind it.
 * </ul>
 */
public enum Role {
    /** Generated text, and plain causal attention where every token has this role. */
    SPAN,
    /** Given text that is read in both directions. */
    CONTEXT,
    /** Given text that is read left to right, but seen by every span. */
    ORDERED;

    /**
     * Whether a query token of this role sees a key token of the same sequence.
     *
     * @param position position of the query
     * @param key role of the key
     * @param keyPosition position of the key
     */
    public boolean sees(int position, Role key, int keyPosition) {
        Library.load();
        return magnet_h.magnet_sees(Codes.of(this), position, Codes.of(key), keyPosition);
    }
}
