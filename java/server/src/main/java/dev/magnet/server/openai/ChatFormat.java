package dev.magnet.server.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.Answer;
import dev.magnet.Generated;
import dev.magnet.Magnet;
import dev.magnet.Token;
import dev.magnet.ToolCall;
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
 * @param tools who reads calls of tools; null = there are none. With tools a text is told when it is complete
 */
record ChatFormat(Header header, @Nullable Logprobs logprobs, boolean summarise, @Nullable Magnet tools) implements Format {
    private static final String CHUNK = "chat.completion.chunk";

    @Override
    public ObjectNode whole(List<Choice> choices) {
        ObjectNode answer = header.object("chat.completion");
        ArrayNode list = answer.putArray("choices");
        for (int i = 0; i < choices.size(); i++) {
            Choice choice = choices.get(i);
            ObjectNode entry = list.addObject().put("index", i);
            ObjectNode message = entry.putObject("message").put("role", "assistant");
            boolean calls = say(message, choice);
            message.putNull("refusal");
            end(entry, choice.span().tokens(), reason(choice, calls));
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
        return tools != null || token.text().isEmpty() && logprobs == null
                ? null
                : event(index, Json.object().put("content", token.text()), again ? null : List.of(token), null);
    }

    @Override
    public ObjectNode closing(int index, Choice choice) {
        ObjectNode delta = Json.object();
        boolean calls = tools != null && say(delta, choice);
        return event(index, delta, tools == null ? null : choice.span().tokens(), reason(choice, calls));
    }

    private static String reason(Choice choice, boolean calls) {
        return choice.isCut() ? "length" : calls ? "tool_calls" : "stop";
    }

    /** Content and calls; true if there is one that can be made. One that cannot be read stays in the content. */
    private boolean say(ObjectNode message, Choice choice) {
        if (tools == null) {
            message.put("content", choice.span().text());
            return false;
        }
        Answer answer = tools.readCalls(new Generated(List.of(choice.span()), choice.usage()));
        if (answer.toolCalls().isEmpty() || !answer.toolCalls().stream().allMatch(ToolCall::isReadable)) {
            message.put("content", choice.span().text());
            return false;
        }
        message.put("content", answer.content().isEmpty() ? null : answer.content());
        ArrayNode calls = message.putArray("tool_calls");
        for (ToolCall call : answer.toolCalls()) {
            calls.addObject()
                    .put("index", calls.size() - 1)
                    .put("id", Ids.ofCall())
                    .put("type", "function")
                    .putObject("function").put("name", call.name()).put("arguments", call.arguments());
        }
        return true;
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
