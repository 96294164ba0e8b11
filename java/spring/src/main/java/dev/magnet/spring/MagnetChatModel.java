package dev.magnet.spring;

import dev.magnet.Answer;
import dev.magnet.AnswerText;
import dev.magnet.Generation;
import dev.magnet.Tool;
import dev.magnet.ToolChoice;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationRegistry;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.model.MessageAggregator;
import org.springframework.ai.chat.observation.ChatModelObservationContext;
import org.springframework.ai.chat.observation.ChatModelObservationConvention;
import org.springframework.ai.chat.observation.ChatModelObservationDocumentation;
import org.springframework.ai.chat.observation.DefaultChatModelObservationConvention;
import org.springframework.ai.chat.prompt.ChatOptions;
import org.springframework.ai.chat.prompt.Prompt;
import reactor.core.publisher.Flux;
import reactor.core.publisher.FluxSink;
import reactor.core.scheduler.Schedulers;

/**
 * Answers in a conversation, by the chat template in the model's file, which also says how tools are called. Calls are
 * returned, not made: a {@code ChatClient} makes them. A failure is a {@link dev.magnet.MagnetException}; what is not supported
 * (media, tools beside an output schema) an {@link UnsupportedOperationException}.
 */
public class MagnetChatModel implements ChatModel {
    private static final ChatModelObservationConvention CONVENTION = new DefaultChatModelObservationConvention();

    private final MagnetReference magnet;
    private final ChatSettings settings;
    private final ObservationRegistry registry;
    private final @Nullable ChatModelObservationConvention convention;

    /**
     * Chats with a model that is asked for when it is needed.
     *
     * @param convention of observations; null = Spring AI's
     */
    public MagnetChatModel(
            MagnetReference magnet,
            MagnetProperties properties,
            ObservationRegistry registry,
            @Nullable ChatModelObservationConvention convention) {
        this.magnet = magnet;
        this.settings = new ChatSettings(properties, magnet);
        this.registry = registry;
        this.convention = convention;
    }

    @Override
    public MagnetChatOptions getOptions() {
        return settings.defaults();
    }

    @Override
    public ChatResponse call(Prompt prompt) {
        ChatModelObservationContext context = context(prompt, false);
        return observation(context).observe(() -> {
            Answer answer = generation(prompt, settings.merged(prompt.getOptions())).result();
            ChatResponse response = settings.response(answer, answer.text());
            context.setResponse(response);
            return response;
        });
    }

    /** The answer as it comes; the last response has the reason of the end, the usage, and what calls of tools kept back. */
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
            MagnetChatOptions options = settings.merged(prompt.getOptions());
            Generation<Answer> generation = generation(prompt, options);
            sink.onDispose(generation::cancel);
            AnswerText text = Conversation.tools(options).isEmpty() ? null : new AnswerText();
            Answer answer = generation.forEach(token -> {
                String shown = text == null ? token.text() : text.next(token.text());
                if (!shown.isEmpty()) {
                    sink.next(settings.part(shown));
                }
            });
            sink.next(settings.response(answer, text == null ? "" : text.rest(answer)));
            sink.complete();
        } catch (RuntimeException e) {
            sink.error(e); // nothing, if nobody listens any more
        }
    }

    private Generation<Answer> generation(Prompt prompt, MagnetChatOptions options) {
        List<Tool> tools = Conversation.tools(options);
        if (!tools.isEmpty() && options.getOutputSchema() != null) {
            throw new UnsupportedOperationException(
                    "tools beside an output schema are not supported by magnet: what is generated follows one of them");
        }
        return magnet.get().chat(Conversation.of(prompt.getInstructions()), tools, ToolChoice.auto(), settings.options(options));
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
