package dev.magnet.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import dev.magnet.Message;
import dev.magnet.ToolCall;
import dev.magnet.server.http.Fields;
import java.util.ArrayList;
import java.util.List;

/** Reads OpenAI's field messages. */
public final class Messages {
    private static final int MOST = 10_000;

    private Messages() {}

    /** A conversation of at least one message. */
    public static List<Message> read(Fields fields) {
        List<Message> messages = new ArrayList<>();
        for (Fields message : fields.objects("messages", MOST)) {
            messages.add(message(message));
        }
        if (messages.isEmpty()) {
            throw fields.wrong("messages", "a list of at least one message is wanted");
        }
        return messages;
    }

    /** Content is a text, or a list of parts, of which only those of text are read; nothing where there are calls. */
    private static Message message(Fields message) {
        JsonNode content = message.any("content");
        String role = message.text("role");
        List<ToolCall> calls = ToolFields.calls(message);
        String id = message.text("tool_call_id", null);
        if (content == null || !content.isArray()) {
            return new Message(role, calls.isEmpty() ? message.text("content") : message.text("content", ""), calls, id);
        }
        var text = new StringBuilder();
        for (Fields part : message.objects("content", MOST)) {
            if (!part.text("type").equals("text")) {
                throw part.wrong("type", "\"text\" is wanted: this model reads nothing else");
            }
            text.append(part.text("text"));
        }
        return new Message(role, text.toString(), calls, id);
    }
}
