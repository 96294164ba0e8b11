package dev.magnet.spring;

import dev.magnet.Answer;
import dev.magnet.Message;
import dev.magnet.Tool;
import dev.magnet.ToolCall;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.springframework.ai.chat.messages.AssistantMessage;
import org.springframework.ai.chat.messages.ToolResponseMessage;
import org.springframework.ai.chat.messages.UserMessage;
import org.springframework.ai.model.tool.ToolCallingChatOptions;
import org.springframework.ai.tool.ToolCallback;

/** Messages, tools and their calls, between Spring AI and the model's chat template. */
final class Conversation {
    private Conversation() {}

    /**
     * All messages.
     *
     * @throws UnsupportedOperationException for what is no text
     */
    static List<Message> of(List<org.springframework.ai.chat.messages.Message> messages) {
        return messages.stream().flatMap(Conversation::of).toList();
    }

    private static Stream<Message> of(org.springframework.ai.chat.messages.Message message) {
        String text = message.getText() == null ? "" : message.getText();
        if (message instanceof ToolResponseMessage results) {
            return results.getResponses().stream()
                    .map(result -> Message.tool(new ToolCall(result.id(), result.name(), "{}", ""), result.responseData()));
        }
        if (message instanceof AssistantMessage assistant && assistant.hasToolCalls()) {
            return Stream.of(Message.assistant(text, assistant.getToolCalls().stream()
                    .map(call -> new ToolCall(call.id(), call.name(), call.arguments().isBlank() ? "{}" : call.arguments(), ""))
                    .toList()));
        }
        if (message instanceof UserMessage user && !user.getMedia().isEmpty()) {
            throw new UnsupportedOperationException("media are not supported by magnet: the model reads text");
        }
        return Stream.of(new Message(message.getMessageType().getValue(), text));
    }

    /** Tools, as the template is told of them. */
    static List<Tool> tools(ToolCallingChatOptions options) {
        List<ToolCallback> callbacks = options.getToolCallbacks();
        return callbacks == null ? List.of() : callbacks.stream()
                .map(ToolCallback::getToolDefinition)
                .map(tool -> new Tool(tool.name(), tool.description(), tool.inputSchema()))
                .toList();
    }

    /** What an answer calls; a call that cannot be read is part of {@link Answer#text}. */
    static List<AssistantMessage.ToolCall> calls(Answer answer) {
        return answer.toolCalls().stream()
                .filter(ToolCall::isReadable)
                .map(call -> new AssistantMessage.ToolCall("call_" + UUID.randomUUID(), "function", call.name(), call.arguments()))
                .toList();
    }
}
