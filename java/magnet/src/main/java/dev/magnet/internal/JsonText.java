package dev.magnet.internal;

import dev.magnet.Tool;
import dev.magnet.ToolCall;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;

/** The little JSON that the C contract takes. */
final class JsonText {
    private JsonText() {}

    /** As Hugging Face and OpenAI have them. */
    static String tools(List<Tool> tools) {
        return tools.stream()
                .map(tool -> function("{\"name\": %s, \"description\": %s, \"parameters\": %s}"
                        .formatted(quoted(tool.name()), quoted(tool.description()), tool.parameters())))
                .collect(Collectors.joining(", ", "[", "]"));
    }

    /** What an assistant called. A call that cannot be read is none. */
    static String calls(List<ToolCall> calls) {
        return calls.stream()
                .filter(ToolCall::isReadable)
                .map(call -> {
                    String called = function("{\"name\": %s, \"arguments\": %s}"
                            .formatted(quoted(Objects.requireNonNull(call.name())), call.arguments()));
                    String id = call.id();
                    return id == null ? called : "{\"id\": " + quoted(id) + ", " + called.substring(1);
                })
                .collect(Collectors.joining(", ", "[", "]"));
    }

    private static String function(String function) {
        return "{\"type\": \"function\", \"function\": " + function + "}";
    }

    static String quoted(String text) {
        var json = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                json.append('\\').append(c);
            } else if (c < 0x20) {
                json.append("\\u%04x".formatted((int) c));
            } else {
                json.append(c);
            }
        }
        return json.append('"').toString();
    }
}
