package dev.magnet;

import java.util.Objects;

/**
 * One turn of a conversation.
 *
 * @param role who speaks: "system", "user", "assistant", or what else the model's chat template knows. A word of letters,
 *     digits, '-' and '_' may become part of a control token, since templates build them from roles
 * @param content what is said; text, whatever it looks like
 */
public record Message(String role, String content) {
    /** Checks its arguments. */
    public Message {
        Objects.requireNonNull(role, "role");
        Objects.requireNonNull(content, "content");
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
}
