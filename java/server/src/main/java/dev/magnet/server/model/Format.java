package dev.magnet.server.model;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.Token;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How an API words an answer, whole or in pieces. */
public interface Format {
    /** The whole answer. */
    ObjectNode whole(List<Choice> choices);

    /** What comes before a text's first piece; null = nothing. */
    default @Nullable ObjectNode opening(int index) {
        return null;
    }

    /**
     * A piece of a text.
     *
     * @param again whether the token was told before, and only its text goes on
     * @return null if there is nothing to say
     */
    @Nullable ObjectNode piece(int index, Token token, boolean again);

    /** What comes behind a text's last piece. */
    ObjectNode closing(int index, Choice choice);

    /** What comes behind the last text; null = nothing. */
    default @Nullable ObjectNode summary(List<Choice> choices) {
        return null;
    }

    /** The line that ends a stream; null = none. */
    default @Nullable String end() {
        return "[DONE]";
    }
}
