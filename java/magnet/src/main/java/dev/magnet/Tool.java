package dev.magnet;

import java.util.Objects;

/**
 * What a model may call.
 *
 * @param name by which it is called
 * @param description what it does, for the model
 * @param parameters JSON schema of its arguments, an object; {@code "{}"} for none
 */
public record Tool(String name, String description, String parameters) {
    /** Checks its arguments. */
    public Tool {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(description, "description");
        Objects.requireNonNull(parameters, "parameters");
    }
}
