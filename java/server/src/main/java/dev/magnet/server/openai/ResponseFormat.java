package dev.magnet.server.openai;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.server.http.Fields;
import org.jspecify.annotations.Nullable;

/** Reads OpenAI's field response_format. */
final class ResponseFormat {
    private ResponseFormat() {}

    /** The schema of the answer; null = any text. */
    static @Nullable String schema(Fields fields) {
        Fields format = fields.object("response_format");
        if (format == null) {
            return null;
        }
        switch (format.text("type")) {
            case "text":
                return null;
            case "json_object":
                return format.any("schema") instanceof ObjectNode schema ? schema.toString() : "{\"type\": \"object\"}";
            case "json_schema":
                Fields named = format.object("json_schema");
                if (named != null && named.any("schema") instanceof ObjectNode schema) {
                    return schema.toString();
                }
                throw fields.wrong("response_format", "{\"type\": \"json_schema\", \"json_schema\": {\"schema\": {...}}} is wanted");
            default:
                throw format.wrong("type", "\"text\", \"json_object\" or \"json_schema\" is wanted");
        }
    }
}
