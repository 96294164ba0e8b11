package dev.magnet.server.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.Answer;
import dev.magnet.Generated;
import dev.magnet.Magnet;
import dev.magnet.Token;
import dev.magnet.Tool;
import dev.magnet.ToolCall;
import dev.magnet.server.http.Json;
import dev.magnet.server.model.Choice;
import dev.magnet.server.model.Format;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The words of /v1/chat/completions. */
final class ChatFormat implements Format {
    private static final String CHUNK = "chat.completion.chunk";

    private final Header header;
    private final @Nullable Logprobs logprobs;
    private final boolean summarise;
    private final Magnet reader;
    private final List<Tool> tools;
    private CallStream calls = new CallStream(); // of the text that is told
    private final List<Token> untold = new ArrayList<>(); // tokens of it that have not shown

    /**
     * For one answer.
     *
     * @param logprobs null = none
     * @param summarise whether a stream ends with a count of tokens
     * @param reader reads calls of the tools
     */
    ChatFormat(Header header, @Nullable Logprobs logprobs, boolean summarise, Magnet reader, List<Tool> tools) {
        this.header = header;
        this.logprobs = logprobs;
        this.summarise = summarise;
        this.reader = reader;
        this.tools = tools;
    }

    @Override
    public ObjectNode whole(List<Choice> choices) {
        ObjectNode answer = header.object("chat.completion");
        ArrayNode list = answer.putArray("choices");
        for (int i = 0; i < choices.size(); i++) {
            Choice choice = choices.get(i);
            ObjectNode entry = list.addObject().put("index", i);
            ObjectNode message = entry.putObject("message").put("role", "assistant");
            boolean called = say(message, choice.span().text(), choice);
            message.putNull("refusal");
            end(entry, choice.span().tokens(), reason(choice, called));
        }
        answer.set("usage", Usages.of(choices));
        return answer;
    }

    @Override
    public ObjectNode opening(int index) {
        calls = new CallStream();
        return event(index, Json.object().put("role", "assistant").put("content", ""), null, null);
    }

    @Override
    public @Nullable ObjectNode piece(int index, Token token, boolean again) {
        if (!again) {
            untold.add(token);
        }
        ObjectNode delta = tools.isEmpty() ? said(token.text()) : calls.accept(token.text());
        return delta == null ? null : event(index, delta, told(), null);
    }

    private @Nullable ObjectNode said(String text) {
        return text.isEmpty() && logprobs == null ? null : Json.object().put("content", text);
    }

    @Override
    public ObjectNode closing(int index, Choice choice) {
        ObjectNode delta = Json.object();
        boolean called = calls.calls() > 0;
        String rest = calls.rest();
        if (called && !rest.isEmpty()) {
            delta.put("content", rest);
        } else if (!rest.isEmpty()) {
            called = say(delta, rest, choice);
            if (called && calls.said()) {
                delta.remove("content");
            }
        }
        return event(index, delta, told(), reason(choice, called));
    }

    private @Nullable List<Token> told() {
        List<Token> tokens = List.copyOf(untold);
        untold.clear();
        return tokens.isEmpty() ? null : tokens;
    }

    private static String reason(Choice choice, boolean calls) {
        return choice.isCut() ? "length" : calls ? "tool_calls" : "stop";
    }

    /** Content and calls; true if there is one that can be made. One that cannot be read stays in the content. */
    private boolean say(ObjectNode message, String text, Choice choice) {
        Answer answer = tools.isEmpty()
                ? null
                : reader.readCalls(new Generated(List.of(choice.span()), choice.usage()), tools);
        if (answer == null || answer.toolCalls().isEmpty() || !answer.toolCalls().stream().allMatch(ToolCall::isReadable)) {
            message.put("content", text);
            return false;
        }
        message.put("content", answer.content().isEmpty() ? null : answer.content());
        ArrayNode list = message.putArray("tool_calls");
        for (ToolCall call : answer.toolCalls()) {
            list.addObject()
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
