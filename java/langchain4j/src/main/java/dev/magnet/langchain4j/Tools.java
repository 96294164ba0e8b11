package dev.magnet.langchain4j;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.magnet.Answer;
import dev.magnet.Magnet;
import dev.magnet.Tool;
import dev.magnet.ToolCall;
import java.util.List;
import java.util.UUID;

/** Tools and their calls, in the words of LangChain4j. How a model is told of them, and calls them, is its template's affair. */
final class Tools {
    private Tools() {}

    /** Whether the model's template speaks of them. */
    static boolean areKnownTo(Magnet magnet) {
        return magnet.metadata().getOrDefault("tokenizer.chat_template", "").contains("tools");
    }

    static List<Tool> of(List<ToolSpecification> tools) {
        return tools.stream()
                .map(tool -> new Tool(
                        tool.name(),
                        tool.description() == null ? "" : tool.description(),
                        Schemas.json(Schemas.of(tool.parameters()))))
                .toList();
    }

    static ToolCall of(ToolExecutionRequest request) {
        String arguments = request.arguments() == null || request.arguments().isBlank() ? "{}" : request.arguments();
        return new ToolCall(request.id(), request.name(), arguments, "");
    }

    /** An answer: what it says, calls that cannot be read among it, and what it calls. */
    static AiMessage message(Answer answer, List<ToolSpecification> tools) {
        List<ToolExecutionRequest> calls = answer.toolCalls().stream()
                .filter(ToolCall::isReadable)
                .map(call -> ToolExecutionRequest.builder()
                        .id("call_" + UUID.randomUUID())
                        .name(call.name())
                        .arguments(takesArguments(call, tools) ? call.arguments() : "{}")
                        .build())
                .toList();
        return AiMessage.builder()
                .text(answer.text().isEmpty() && !calls.isEmpty() ? null : answer.text())
                .toolExecutionRequests(calls)
                .build();
    }

    /** A small model invents arguments for a tool that has none. */
    private static boolean takesArguments(ToolCall call, List<ToolSpecification> tools) {
        return tools.stream()
                .filter(tool -> tool.name().equals(call.name()))
                .allMatch(tool -> tool.parameters() != null && !tool.parameters().properties().isEmpty());
    }
}
