package dev.magnet.server.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.Token;
import dev.magnet.server.http.Json;
import dev.magnet.server.model.Choice;
import dev.magnet.server.model.Format;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The words of /v1/chat/completions.
 *
 * @param header of the answer
 * @param logprobs null = none
 * @param summarise whether a stream ends with a count of tokens
 */
record ChatFormat(Header header, @Nullable Logprobs logprobs, boolean summarise) implements Format {
    private static final String CHUNK = "chat.completion.chunk";

    @Override
    public ObjectNode whole(List<Choice> choices) {
        ObjectNode answer = header.object("chat.completion");
        ArrayNode list = answer.putArray("choices");
        for (int i = 0; i < choices.size(); i++) {
            Choice choice = choices.get(i);
            ObjectNode entry = list.addObject().put("index", i);
            entry.putObject("message")
                    .put("role", "assistant")
                    .put("content", choice.span().text())
                    .putNull("refusal");
            end(entry, choice.span().tokens(), choice.isCut() ? "length" : "stop");
        }
        answer.set("usage", Usages.of(choices));
        return answer;
    }

    @Override
    public ObjectNode opening(int index) {
        return event(index, Json.object().put("role", "assistant").put("content", ""), null, null);
    }

    @Override
    public @Nullable ObjectNode piece(int index, Token token, boolean again) {
        return token.text().isEmpty() && logprobs == null
                ? null
                : event(index, Json.object().put("content", token.text()), again ? null : List.of(token), null);
    }

    @Override
    public ObjectNode closing(int index, Choice choice) {
        return event(index, Json.object(), null, choice.isCut() ? "length" : "stop");
    }

    @Override
    public @Nullable ObjectNode summary(List<Choice> choices) {
        if (!summarise) {
            return null;
        }
        ObjectNode event = header.object(CHUNK);
        event.putArray("choices");
        event.set("usage", Usages.of(choices));
        return event;
    }

    private ObjectNode event(int index, ObjectNode delta, @Nullable List<Token> tokens, @Nullable String reason) {
        ObjectNode event = header.object(CHUNK);
        ObjectNode entry = event.putArray("choices").addObject().put("index", index);
        entry.set("delta", delta);
        end(entry, tokens, reason);
        return event;
    }

    private void end(ObjectNode entry, @Nullable List<Token> tokens, @Nullable String reason) {
        entry.set("logprobs", logprobs == null || tokens == null ? null : logprobs.chat(tokens));
        entry.put("finish_reason", reason);
    }
}
