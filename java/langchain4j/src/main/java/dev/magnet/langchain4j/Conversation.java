package dev.magnet.langchain4j;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.magnet.Magnet;
import dev.magnet.MagnetException;
import dev.magnet.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Messages of LangChain4j as messages of a chat template. */
final class Conversation {
    private Conversation() {}

    /**
     * Without tools.
     *
     * @throws UnsupportedFeatureException for what is no text
     */
    static List<Message> of(Iterable<ChatMessage> messages) {
        List<Message> conversation = new ArrayList<>();
        for (ChatMessage message : messages) {
            boolean result = message instanceof ToolExecutionResultMessage;
            Message last = conversation.isEmpty() ? null : conversation.getLast();
            if (result && last != null && last.role().equals("user") && last.content().endsWith("</tool_response>")) {
                // results of one turn are one message, as the templates have it
                conversation.set(conversation.size() - 1, Message.user(last.content() + "\n" + of(message).content()));
            } else {
                conversation.add(of(message));
            }
        }
        return conversation;
    }

    /** With definitions of tools in the system message; where there is none, behind the template's own. */
    static List<Message> of(Iterable<ChatMessage> messages, List<ToolSpecification> tools, Magnet magnet) {
        List<Message> conversation = of(messages);
        String definitions = Tools.definitions(tools);
        if (!conversation.isEmpty() && conversation.getFirst().role().equals("system")) {
            conversation.set(0, Message.system(conversation.getFirst().content() + definitions));
        } else {
            conversation.addFirst(Message.system(defaultSystem(magnet) + definitions));
        }
        return conversation;
    }

    static Message of(ChatMessage message) {
        if (message instanceof SystemMessage system) {
            return Message.system(system.text());
        } else if (message instanceof UserMessage user) {
            return Message.user(user.contents().stream().map(Conversation::text).collect(Collectors.joining("\n")));
        } else if (message instanceof AiMessage ai) {
            return Message.assistant(Stream.concat(
                            Stream.ofNullable(ai.text()).filter(text -> !text.isEmpty()),
                            ai.toolExecutionRequests().stream().map(Tools::call))
                    .collect(Collectors.joining("\n")));
        } else if (message instanceof ToolExecutionResultMessage result) {
            return Message.user(Tools.result(result.text()));
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

    /** What the template says where nobody does: the difference that a system message makes to a prompt. */
    private static String defaultSystem(Magnet magnet) {
        String mark = "\u0001";
        Message user = Message.user("x");
        try {
            String with = magnet.chatPrompt(List.of(Message.system(mark), user), false);
            String without = magnet.chatPrompt(List.of(user), false);
            String before = with.substring(0, with.indexOf(mark));
            String behind = with.substring(before.length() + mark.length());
            boolean same = without.startsWith(before) && without.endsWith(behind)
                    && without.length() >= before.length() + behind.length();
            return same ? without.substring(before.length(), without.length() - behind.length()) : "";
        } catch (MagnetException e) {
            return ""; // a template that refuses one of the two
        }
    }
}
