package dev.magnet.server.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.Token;
import dev.magnet.server.model.Choice;
import dev.magnet.server.model.Format;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The words of /v1/completions.
 *
 * @param header of the answer
 * @param echo what comes before every text
 * @param logprobs null = none
 * @param summarise whether a stream ends with a count of tokens
 */
record CompletionFormat(Header header, String echo, @Nullable Logprobs logprobs, boolean summarise) implements Format {
    @Override
    public ObjectNode whole(List<Choice> choices) {
        ObjectNode answer = header.object("text_completion");
        ArrayNode list = answer.putArray("choices");
        for (int i = 0; i < choices.size(); i++) {
            Choice choice = choices.get(i);
            list.add(choice(i, echo + choice.span().text(), choice.isCut() ? "length" : "stop", choice.span().tokens()));
        }
        answer.set("usage", Usages.of(choices));
        return answer;
    }

    @Override
    public @Nullable ObjectNode opening(int index) {
        return echo.isEmpty() ? null : event(choice(index, echo, null, null));
    }

    @Override
    public @Nullable ObjectNode piece(int index, Token token, boolean again) {
        return token.text().isEmpty() && logprobs == null
                ? null
                : event(choice(index, token.text(), null, again ? null : List.of(token)));
    }

    @Override
    public ObjectNode closing(int index, Choice choice) {
        return event(choice(index, "", choice.isCut() ? "length" : "stop", null));
    }

    @Override
    public @Nullable ObjectNode summary(List<Choice> choices) {
        if (!summarise) {
            return null;
        }
        ObjectNode event = header.object("text_completion");
        event.putArray("choices");
        event.set("usage", Usages.of(choices));
        return event;
    }

    private ObjectNode event(ObjectNode choice) {
        ObjectNode event = header.object("text_completion");
        event.putArray("choices").add(choice);
        return event;
    }

    private ObjectNode choice(int index, String text, @Nullable String reason, @Nullable List<Token> tokens) {
        ObjectNode choice = dev.magnet.server.http.Json.object();
        choice.put("text", text).put("index", index);
        choice.set("logprobs", logprobs == null || tokens == null ? null : logprobs.completion(tokens));
        choice.put("finish_reason", reason);
        return choice;
    }
}
