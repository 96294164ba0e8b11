package dev.magnet.langchain4j;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.magnet.Message;
import dev.magnet.ToolCall;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Messages of LangChain4j as messages of a chat template. */
final class Conversation {
    private Conversation() {}

    /**
     * All messages.
     *
     * @throws UnsupportedFeatureException for what is no text
     */
    static List<Message> of(Iterable<ChatMessage> messages) {
        List<Message> conversation = new ArrayList<>();
        messages.forEach(message -> conversation.add(of(message)));
        return conversation;
    }

    static Message of(ChatMessage message) {
        if (message instanceof SystemMessage system) {
            return Message.system(system.text());
        } else if (message instanceof UserMessage user) {
            return Message.user(user.contents().stream().map(Conversation::text).collect(Collectors.joining("\n")));
        } else if (message instanceof AiMessage ai) {
            String text = ai.text() == null ? "" : ai.text();
            return Message.assistant(text, ai.toolExecutionRequests().stream().map(Tools::of).toList());
        } else if (message instanceof ToolExecutionResultMessage result) {
            return Message.tool(new ToolCall(result.id(), result.toolName(), "{}", ""), result.text());
        }
        throw new UnsupportedFeatureException("a message of type " + message.type() + " is not supported");
    }

    private static String text(Content content) {
        if (content instanceof TextContent text) {
            return text.text();
        }
        throw new UnsupportedFeatureException(
                "content of type " + content.type().toString().toLowerCase(Locale.ROOT) + " is not supported: the model reads text");
    }
}
