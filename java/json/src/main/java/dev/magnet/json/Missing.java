package dev.magnet.json;

import com.fasterxml.jackson.databind.JsonNode;
import org.jspecify.annotations.Nullable;

/** Which component of a value Jackson would have made null of: a schema made by {@link Schemas} requires it, and it is not there. */
final class Missing {
    private Missing() {}

    /** Its path, such as {@code legs[1].city}, or null if all are there. {@code whole} has the definitions that are referred to. */
    static @Nullable String in(JsonNode value, JsonNode schema, JsonNode whole) {
        JsonNode is = schema.has("$ref") ? whole.at(schema.get("$ref").asText().substring(1)) : schema;
        if (value.isMissingNode() || value.isNull()) {
            return null; // what may be left out, or was missed by who asked
        }
        for (JsonNode name : is.path("required")) {
            if (value.path(name.asText()).isMissingNode() || value.path(name.asText()).isNull()) {
                return name.asText();
            }
        }
        for (var field : value.properties()) {
            JsonNode named = is.path("properties").path(field.getKey());
            String inside = in(field.getValue(), named.isMissingNode() ? is.path("additionalProperties") : named, whole);
            if (inside != null) {
                return field.getKey() + (inside.startsWith("[") ? "" : ".") + inside;
            }
        }
        for (int i = 0; is.has("items") && i < value.size(); i++) {
            String inside = in(value.get(i), is.get("items"), whole);
            if (inside != null) {
                return "[" + i + "]." + inside;
            }
        }
        return null;
    }
}
