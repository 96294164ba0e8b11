package dev.magnet.spring;

import dev.magnet.GenerateOptions;
import dev.magnet.Generated;
import dev.magnet.Generation;
import dev.magnet.Magnet;
import dev.magnet.Message;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationRegistry;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.ai.chat.messages.MessageType;
import org.springframework.ai.chat.messages.UserMessage;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.model.MessageAggregator;
import org.springframework.ai.chat.observation.ChatModelObservationContext;
import org.springframework.ai.chat.observation.ChatModelObservationConvention;
import org.springframework.ai.chat.observation.ChatModelObservationDocumentation;
import org.springframework.ai.chat.observation.DefaultChatModelObservationConvention;
import org.springframework.ai.chat.prompt.ChatOptions;
import org.springframework.ai.chat.prompt.Prompt;
import org.springframework.ai.model.tool.ToolCallingChatOptions;
import reactor.core.publisher.Flux;
import reactor.core.publisher.FluxSink;
import reactor.core.scheduler.Schedulers;

/**
 * Answers in a conversation, by the chat template in the model's file. A failure is a {@link dev.magnet.MagnetException};
 * what is not supported (tools, media) an {@link UnsupportedOperationException}.
 */
public class MagnetChatModel implements ChatModel {
    private static final ChatModelObservationConvention CONVENTION = new DefaultChatModelObservationConvention();

    private final Supplier<Magnet> magnet;
    private final ChatSettings settings;
    private final ObservationRegistry registry;
    private final @Nullable ChatModelObservationConvention convention;

    /**
     * Chats with a model that is asked for when it is needed.
     *
     * @param convention of observations; null = Spring AI's
     */
    public MagnetChatModel(
            Supplier<Magnet> magnet,
            MagnetProperties properties,
            ObservationRegistry registry,
            @Nullable ChatModelObservationConvention convention) {
        this.magnet = magnet;
        this.settings = new ChatSettings(properties);
        this.registry = registry;
        this.convention = convention;
    }

    @Override
    public ChatOptions getOptions() {
        return settings.defaults();
    }

    @Override
    public ChatResponse call(Prompt prompt) {
        ChatModelObservationContext context = context(prompt, false);
        return observation(context).observe(() -> {
            ChatResponse response = settings.response(generation(prompt).result(), null);
            context.setResponse(response);
            return response;
        });
    }

    /** The answer as it comes; the last response has no text, but the reason of the end and the usage. */
    @Override
    public Flux<ChatResponse> stream(Prompt prompt) {
        return Flux.deferContextual(outer -> {
            ChatModelObservationContext context = context(prompt, true);
            Observation observation = observation(context);
            observation.start();
            Flux<ChatResponse> answer = Flux.<ChatResponse>create(sink -> generate(prompt, sink))
                    .subscribeOn(Schedulers.boundedElastic())
                    .doOnError(observation::error)
                    .doFinally(signal -> observation.stop());
            return new MessageAggregator().aggregate(answer, context::setResponse);
        });
    }

    private void generate(Prompt prompt, FluxSink<ChatResponse> sink) {
        try {
            Generation<Generated> generation = generation(prompt);
            sink.onDispose(generation::cancel);
            Generated generated = generation.forEach(token -> {
                if (!token.text().isEmpty()) {
                    sink.next(settings.part(token.text()));
                }
            });
            sink.next(settings.response(generated, ""));
            sink.complete();
        } catch (RuntimeException e) {
            sink.error(e); // nothing, if nobody listens any more
        }
    }

    private Generation<Generated> generation(Prompt prompt) {
        if (prompt.getOptions() instanceof ToolCallingChatOptions tools
                && tools.getToolCallbacks() != null && !tools.getToolCallbacks().isEmpty()) {
            throw new UnsupportedOperationException("tools are not supported by magnet");
        }
        GenerateOptions options = settings.options(prompt.getOptions());
        return magnet.get().chat(messages(prompt), options);
    }

    private static List<Message> messages(Prompt prompt) {
        return prompt.getInstructions().stream().map(MagnetChatModel::message).toList();
    }

    private static Message message(org.springframework.ai.chat.messages.Message message) {
        if (message.getMessageType() == MessageType.TOOL) {
            throw new UnsupportedOperationException("messages of tools are not supported by magnet");
        }
        if (message instanceof UserMessage user && !user.getMedia().isEmpty()) {
            throw new UnsupportedOperationException("media are not supported by magnet: the model reads text");
        }
        String text = message.getText();
        return new Message(message.getMessageType().getValue(), text == null ? "" : text);
    }

    private ChatModelObservationContext context(Prompt prompt, boolean streaming) {
        ChatOptions own = prompt.getOptions();
        Prompt complete = own == null || own.getModel() == null
                ? new Prompt(prompt.getInstructions(), settings.merged(own)) : prompt;
        return ChatModelObservationContext.builder()
                .prompt(complete)
                .provider(MagnetAutoConfiguration.PROVIDER)
                .streaming(streaming)
                .build();
    }

    private Observation observation(ChatModelObservationContext context) {
        return ChatModelObservationDocumentation.CHAT_MODEL_OPERATION.observation(
                convention, CONVENTION, () -> context, registry);
    }
}
