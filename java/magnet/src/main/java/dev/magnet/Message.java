package dev.magnet;

import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One turn of a conversation.
 *
 * @param role who speaks: "system", "user", "assistant", or what else the model's chat template knows. A word of letters,
 *     digits, '-' and '_' may become part of a control token, since templates build them from roles
 * @param content what is said; text, whatever it looks like
 * @param toolCalls what the assistant called in this message; those that cannot be read are left out
 * @param toolCallId {@link ToolCall#id()} of the call that this is the result of, where the model's chat template wants it
 */
public record Message(String role, String content, List<ToolCall> toolCalls, @Nullable String toolCallId) {
    /** Checks its arguments. */
    public Message {
        Objects.requireNonNull(role, "role");
        Objects.requireNonNull(content, "content");
        toolCalls = List.copyOf(toolCalls);
    }

    /** A message without calls. */
    public Message(String role, String content) {
        this(role, content, List.of(), null);
    }

    /** Instructions for the whole conversation; comes first. */
    public static Message system(String content) {
        return new Message("system", content);
    }

    /** A turn of the user. */
    public static Message user(String content) {
        return new Message("user", content);
    }

    /** A turn of the model. */
    public static Message assistant(String content) {
        return new Message("assistant", content);
    }

    /** A turn of the model that calls tools. */
    public static Message assistant(String content, List<ToolCall> toolCalls) {
        return new Message("assistant", content, toolCalls, null);
    }

    /** What a call of a tool came to. */
    public static Message tool(ToolCall call, String result) {
        return new Message("tool", result, List.of(), call.id());
    }
}
