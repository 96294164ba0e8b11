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
import dev.magnet.GenerateOptions;
import dev.magnet.Generated;
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
    private final @Nullable List<Message> conversation;

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
        this.tools = parameters.toolChoice() == ToolChoice.NONE ? List.of() : parameters.toolSpecifications();
        this.options = Generating.options(parameters, timeout)
                .withGrammar(grammar(parameters))
                .withAdapters(lease.adapters());
        this.conversation = tools.isEmpty() ? Conversation.of(request.messages()) : null;
        if (conversation == null) {
            Conversation.of(request.messages()); // refused now rather than when it runs
        }
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

    private @Nullable String grammar(ChatRequestParameters parameters) {
        String own = parameters instanceof MagnetChatRequestParameters magnet ? magnet.grammar() : null;
        ResponseFormat format = parameters.responseFormat();
        boolean json = format != null && format.type() == ResponseFormatType.JSON;
        boolean required = !tools.isEmpty() && parameters.toolChoice() == ToolChoice.REQUIRED;
        if (own != null && (json || required)) {
            throw new InvalidRequestException("a grammar and " + (json ? "a JSON response format" : "ToolChoice.REQUIRED")
                    + " exclude each other");
        }
        if (required) {
            return Tools.grammar(tools);
        }
        if (!json) {
            return own;
        }
        if (!tools.isEmpty()) {
            throw new UnsupportedFeatureException(
                    "tools beside a JSON response format are not supported: what is generated follows one of them");
        }
        return format.jsonSchema() == null
                ? JsonGrammar.ofAnyObject()
                : JsonGrammar.of(Schemas.of(format.jsonSchema().rootElement()));
    }

    /** Whether the answer may call tools. */
    boolean mayCallTools() {
        return !tools.isEmpty();
    }

    /** Renders the prompt; nothing is generated yet. */
    Generation<Generated> generation() {
        return magnet.chat(
                conversation != null ? conversation : Conversation.of(request.messages(), tools, magnet), options);
    }

    ChatResponse response(Generated generated) {
        FinishReason finish = Generating.finish(generated.stop());
        AiMessage message;
        if (mayCallTools()) {
            Tools.Answer answer = Tools.read(generated.text(), tools);
            finish = answer.calls().isEmpty() ? finish : FinishReason.TOOL_EXECUTION;
            message = AiMessage.builder()
                    .text(answer.text().isEmpty() && !answer.calls().isEmpty() ? null : answer.text())
                    .toolExecutionRequests(answer.calls())
                    .build();
        } else {
            message = AiMessage.from(generated.text());
        }
        return ChatResponse.builder()
                .aiMessage(message)
                .metadata(ChatResponseMetadata.builder()
                        .id("magnet-" + UUID.randomUUID())
                        .modelName(modelName)
                        .tokenUsage(Generating.usage(generated.usage()))
                        .finishReason(finish)
                        .build())
                .build();
    }
}
