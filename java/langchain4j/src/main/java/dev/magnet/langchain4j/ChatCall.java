package dev.magnet.langchain4j;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.ChatResponseMetadata;
import dev.langchain4j.model.output.FinishReason;
import dev.magnet.Answer;
import dev.magnet.GenerateOptions;
import dev.magnet.Generation;
import dev.magnet.Magnet;
import dev.magnet.Message;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A request as a call of {@link Magnet#chat}, and what it gives as a response. */
final class ChatCall {
    private final Magnet magnet;
    private final String modelName;
    private final ChatRequest request;
    private final GenerateOptions options;
    private final List<ToolSpecification> tools;
    private final List<Message> conversation;

    /**
     * Checks a request.
     *
     * @throws UnsupportedFeatureException for what the model, or its template, does not have
     */
    ChatCall(Lease lease, ChatRequest request, @Nullable Duration timeout) {
        this.magnet = lease.magnet();
        this.modelName = lease.modelName();
        this.request = request;
        ChatRequestParameters parameters = request.parameters();
        check(parameters, lease);
        if (parameters.toolChoice() == ToolChoice.REQUIRED && parameters.toolSpecifications().isEmpty()) {
            throw new InvalidRequestException("ToolChoice.REQUIRED, but there are no tools");
        }
        Failures.refuseNulls(request.messages(), "message");
        this.tools = parameters.toolChoice() == ToolChoice.NONE ? List.of() : parameters.toolSpecifications();
        this.options = constrained(Generating.options(parameters, timeout).withAdapters(lease.adapters()), parameters);
        this.conversation = Conversation.of(request.messages());
    }

    /** Refuses what no request to this model may have. */
    static void check(ChatRequestParameters parameters, Lease lease) {
        String name = parameters.modelName();
        if (name != null && !name.equals(lease.modelName())) {
            throw new UnsupportedFeatureException("modelName \"" + name + "\" is not supported: " + lease.modelName() + " is loaded");
        }
        if (!parameters.toolSpecifications().isEmpty() && parameters.toolChoice() != ToolChoice.NONE
                && !Tools.areKnownTo(lease.magnet())) {
            throw new UnsupportedFeatureException("tools are not supported by the chat template of " + lease.modelName()
                    + (parameters.toolChoice() == ToolChoice.REQUIRED ? ", nor is ToolChoice.REQUIRED" : ""));
        }
    }

    private boolean isForced(ChatRequestParameters parameters) {
        return !tools.isEmpty() && parameters.toolChoice() == ToolChoice.REQUIRED;
    }

    private GenerateOptions constrained(GenerateOptions free, ChatRequestParameters parameters) {
        String own = parameters instanceof MagnetChatRequestParameters magnet ? magnet.grammar() : null;
        ResponseFormat format = parameters.responseFormat();
        boolean json = format != null && format.type() == ResponseFormatType.JSON;
        if (own != null && (json || isForced(parameters))) {
            throw new InvalidRequestException("a grammar and " + (json ? "a JSON response format" : "ToolChoice.REQUIRED")
                    + " exclude each other");
        }
        if (!json) {
            return own == null ? free : free.withGrammar(own);
        }
        if (!tools.isEmpty()) {
            throw new UnsupportedFeatureException(
                    "tools beside a JSON response format are not supported: what is generated follows one of them. Ask with the"
                            + " tools first, then for the JSON without them");
        }
        return free.withSchema(format.jsonSchema() == null
                ? "{\"type\": \"object\"}"
                : Schemas.ofAnswer(format.jsonSchema().rootElement()));
    }

    /** Whether the answer may call tools. */
    boolean mayCallTools() {
        return !tools.isEmpty();
    }

    /** Renders the prompt; nothing is generated yet. */
    Generation<Answer> generation() {
        var choice = isForced(request.parameters()) ? dev.magnet.ToolChoice.required() : dev.magnet.ToolChoice.auto();
        return magnet.chat(conversation, Tools.of(tools), choice, options);
    }

    ChatResponse response(Answer answer) {
        FinishReason finish = Generating.finish(answer.generated().stop());
        AiMessage message = Tools.message(answer, tools);
        return ChatResponse.builder()
                .aiMessage(message)
                .metadata(ChatResponseMetadata.builder()
                        .id("magnet-" + UUID.randomUUID())
                        .modelName(modelName)
                        .tokenUsage(Generating.usage(answer.generated().usage()))
                        .finishReason(message.hasToolExecutionRequests() ? FinishReason.TOOL_EXECUTION : finish)
                        .build())
                .build();
    }
}
