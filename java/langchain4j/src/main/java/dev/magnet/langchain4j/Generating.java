package dev.magnet.langchain4j;

import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import dev.magnet.GenerateOptions;
import dev.magnet.Sampling;
import dev.magnet.StopReason;
import dev.magnet.Usage;
import java.time.Duration;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** Options of a generation, and its end, in the words of LangChain4j. */
final class Generating {
    private Generating() {}

    /** What {@code parameters} say, without a grammar. */
    static GenerateOptions options(ChatRequestParameters parameters, @Nullable Duration timeout) {
        Sampling sampling = GenerateOptions.defaults().sampling();
        sampling = with(sampling, parameters.temperature(), (s, x) -> s.withTemperature(x.floatValue()));
        sampling = with(sampling, parameters.topP(), (s, x) -> s.withTopP(x.floatValue()));
        sampling = with(sampling, parameters.topK(), Sampling::withTopK);
        sampling = with(sampling, parameters.frequencyPenalty(), (s, x) -> s.withFrequencyPenalty(x.floatValue()));
        sampling = with(sampling, parameters.presencePenalty(), (s, x) -> s.withPresencePenalty(x.floatValue()));
        if (parameters instanceof MagnetChatRequestParameters magnet) {
            sampling = with(sampling, magnet.minP(), (s, x) -> s.withMinP(x.floatValue()));
            sampling = with(sampling, magnet.repeatPenalty(), (s, x) -> s.withRepeatPenalty(x.floatValue()));
            sampling = with(sampling, magnet.seed(), (s, x) -> s.withSeed(x));
        }
        GenerateOptions options = GenerateOptions.defaults()
                .withSampling(sampling)
                .withStop(parameters.stopSequences())
                .withTimeout(timeout);
        return with(options, parameters.maxOutputTokens(), GenerateOptions::withMaxTokens);
    }

    private static <O, V> O with(O options, @Nullable V value, BiFunction<O, V, O> with) {
        return value == null ? options : with.apply(options, value);
    }

    /**
     * Why a text ends.
     *
     * @throws TimeoutException after the timeout
     * @throws LangChain4jException if the model was closed meanwhile
     */
    static FinishReason finish(StopReason stop) {
        return switch (stop) {
            case END, STRING, GRAMMAR, UNTIL, REPEAT -> FinishReason.STOP;
            case LENGTH, CONTEXT -> FinishReason.LENGTH;
            case TIMEOUT -> throw new TimeoutException("the timeout was over before the text was complete");
            case CANCELLED -> throw new LangChain4jException("the model was closed before the text was complete");
            case NONE -> FinishReason.OTHER;
        };
    }

    static TokenUsage usage(Usage usage) {
        return new TokenUsage(usage.promptTokens(), usage.generatedTokens());
    }
}
