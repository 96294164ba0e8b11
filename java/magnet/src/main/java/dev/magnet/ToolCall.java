package dev.magnet;

import org.jspecify.annotations.Nullable;

/**
 * A call of a tool, which the caller answers with {@link Message#tool}.
 *
 * @param id what tells it from others, where somebody gave it one; some templates want it
 * @param name the tool's; null where the model began a call that cannot be read, and {@link #text()} is all there is
 * @param arguments a JSON object; null likewise
 * @param text the call as the model wrote it
 */
public record ToolCall(@Nullable String id, @Nullable String name, @Nullable String arguments, String text) {
    /** A call that can be made: with a name and arguments. */
    public boolean isReadable() {
        return name != null;
    }

    /** A copy with this {@link #id()}. */
    public ToolCall withId(@Nullable String id) {
        return new ToolCall(id, name, arguments, text);
    }
}
