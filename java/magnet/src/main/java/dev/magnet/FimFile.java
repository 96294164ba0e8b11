package dev.magnet;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A file of the same repository that helps to fill gaps.
 *
 * @param path its name; null = not told
 * @param text what it holds
 */
public record FimFile(@Nullable String path, String text) {
    /** Checks its arguments. */
    public FimFile {
        Objects.requireNonNull(text, "text");
    }
}
