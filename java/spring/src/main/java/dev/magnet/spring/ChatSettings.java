package dev.magnet.spring;

import dev.magnet.Answer;
import dev.magnet.GenerateOptions;
import dev.magnet.Generated;
import dev.magnet.MagnetException;
import dev.magnet.Sampling;
import dev.magnet.Status;
import dev.magnet.StopReason;
import java.util.List;
import java.util.UUID;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import org.springframework.ai.chat.messages.AssistantMessage;
import org.springframework.ai.chat.metadata.ChatGenerationMetadata;
import org.springframework.ai.chat.metadata.ChatResponseMetadata;
import org.springframework.ai.chat.metadata.DefaultUsage;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.model.Generation;
import org.springframework.ai.chat.prompt.ChatOptions;
import org.springframework.ai.model.tool.StructuredOutputChatOptions;
import org.springframework.ai.model.tool.ToolCallingChatOptions;

/** Options and answers of a chat, in the words of Spring AI. */
final class ChatSettings {
    private final MagnetProperties properties;
    private final MagnetReference magnet;

    ChatSettings(MagnetProperties properties, MagnetReference magnet) {
        this.properties = properties;
        this.magnet = magnet;
    }

    /** What the properties say. */
    MagnetChatOptions defaults() {
        return merged(null);
    }

    /**
     * What {@code own} says, else the properties.
     *
     * @throws IllegalArgumentException if it names another model
     */
    MagnetChatOptions merged(@Nullable ChatOptions own) {
        MagnetProperties.Chat chat = properties.chat();
        magnet.checkName(own == null ? null : own.getModel());
        return MagnetChatOptions.builder()
                .model(magnet.name())
                .temperature(first(own == null ? null : own.getTemperature(), chat.temperature()))
                .topP(first(own == null ? null : own.getTopP(), chat.topP()))
                .topK(first(own == null ? null : own.getTopK(), chat.topK()))
                .frequencyPenalty(first(own == null ? null : own.getFrequencyPenalty(), chat.frequencyPenalty()))
                .presencePenalty(first(own == null ? null : own.getPresencePenalty(), chat.presencePenalty()))
                .maxTokens(first(own == null ? null : own.getMaxTokens(), chat.maxTokens()))
                .stopSequences(first(own == null ? null : own.getStopSequences(), chat.stop()))
                .toolCallbacks(own instanceof ToolCallingChatOptions options ? options.getToolCallbacks() : null)
                .toolContext(own instanceof ToolCallingChatOptions options ? options.getToolContext() : null)
                .outputSchema(own instanceof StructuredOutputChatOptions options ? options.getOutputSchema() : null)
                .build();
    }

    private static <T> @Nullable T first(@Nullable T own, @Nullable T otherwise) {
        return own != null ? own : otherwise;
    }

    /** For the bare model: an adapter writes in the style that it was trained on. */
    GenerateOptions options(MagnetChatOptions merged) {
        Sampling sampling = GenerateOptions.defaults().sampling();
        sampling = with(sampling, merged.getTemperature(), (s, x) -> s.withTemperature(x.floatValue()));
        sampling = with(sampling, merged.getTopP(), (s, x) -> s.withTopP(x.floatValue()));
        sampling = with(sampling, merged.getTopK(), Sampling::withTopK);
        sampling = with(sampling, merged.getFrequencyPenalty(), (s, x) -> s.withFrequencyPenalty(x.floatValue()));
        sampling = with(sampling, merged.getPresencePenalty(), (s, x) -> s.withPresencePenalty(x.floatValue()));
        GenerateOptions options = GenerateOptions.defaults()
                .withSampling(sampling)
                .withTimeout(properties.chat().timeout())
                .withAdapters(List.of());
        options = with(options, merged.getStopSequences(), GenerateOptions::withStop);
        options = with(options, merged.getOutputSchema(), GenerateOptions::withSchema);
        return with(options, merged.getMaxTokens(), GenerateOptions::withMaxTokens);
    }

    private static <O, V> O with(O options, @Nullable V value, BiFunction<O, V, O> with) {
        return value == null ? options : with.apply(options, value);
    }

    /** A piece of an answer. */
    ChatResponse part(String text) {
        return new ChatResponse(
                List.of(new Generation(new AssistantMessage(text))),
                ChatResponseMetadata.builder().model(magnet.name()).build());
    }

    /**
     * The end of an answer, with what it calls.
     *
     * @param text what is still to be told of what it says
     * @throws MagnetException {@link Status#TIMEOUT} or {@link Status#CANCELLED} if it is not complete for that reason
     */
    ChatResponse response(Answer answer, String text) {
        Generated generated = answer.generated();
        StopReason stop = generated.stop();
        if (stop == StopReason.TIMEOUT) {
            throw new MagnetException(Status.TIMEOUT, "magnet.chat.timeout was over before the answer was complete");
        }
        if (stop == StopReason.CANCELLED) {
            throw new MagnetException(Status.CANCELLED, "the model was closed before the answer was complete");
        }
        List<AssistantMessage.ToolCall> calls = Conversation.calls(answer);
        String reason = !calls.isEmpty() ? "TOOL_CALLS" : stop == StopReason.LENGTH || stop == StopReason.CONTEXT ? "LENGTH" : "STOP";
        var generation = new Generation(
                AssistantMessage.builder().content(text).toolCalls(calls).build(),
                ChatGenerationMetadata.builder().finishReason(reason).build());
        return new ChatResponse(
                List.of(generation),
                ChatResponseMetadata.builder()
                        .id("magnet-" + UUID.randomUUID())
                        .model(magnet.name())
                        .usage(new DefaultUsage(generated.usage().promptTokens(), generated.usage().generatedTokens()))
                        .build());
    }
}
