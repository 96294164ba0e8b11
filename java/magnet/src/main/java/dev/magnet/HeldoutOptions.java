package dev.magnet;

import dev.magnet.internal.Defaults;

/**
 * How often, and on how much, a training is judged. Values out of range are refused by the call that uses them.
 *
 * @param rows windows of text, and pairs, to keep out of training, at most a tenth of each; 0 = none
 * @param every steps between looks at the held-out loss; 0 = never
 */
@Withers
public record HeldoutOptions(int rows, int every) implements HeldoutOptionsWithers {
    /** The native library's defaults. */
    public static HeldoutOptions defaults() {
        return Defaults.train().heldout();
    }
}
