package dev.magnet;

import java.util.Objects;

/** Whether a model calls tools. */
public sealed interface ToolChoice {
    /** The model decides. */
    record Auto() implements ToolChoice {}

    /** It is not told of them. */
    record None() implements ToolChoice {}

    /** It calls one, whichever it likes: a grammar allows nothing else. */
    record Required() implements ToolChoice {}

    /**
     * It calls this one: a grammar allows nothing else.
     *
     * @param name the tool's
     */
    record Named(String name) implements ToolChoice {
        /** Checks its argument. */
        public Named {
            Objects.requireNonNull(name, "name");
        }
    }

    /** The model decides. */
    static ToolChoice auto() {
        return new Auto();
    }

    /** It is not told of them. */
    static ToolChoice none() {
        return new None();
    }

    /** It calls one of them. */
    static ToolChoice required() {
        return new Required();
    }

    /** It calls the one of this name. */
    static ToolChoice tool(String name) {
        return new Named(name);
    }
}
