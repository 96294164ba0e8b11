package dev.magnet.spring;

import jakarta.validation.Valid;
import jakarta.validation.constraints.DecimalMax;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotEmpty;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Positive;
import jakarta.validation.constraints.PositiveOrZero;
import java.time.Duration;
import java.util.List;
import org.hibernate.validator.constraints.time.DurationMin;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.validation.annotation.Validated;

/**
 * Settings of the model and of what it does.
 *
 * @param model a name that {@link dev.magnet.Models} knows, or the path of a GGUF file
 * @param adapter a name that {@link dev.magnet.Models} knows, the path of a GGUF file, or "none"; not set = the one that is
 *     known for the model. It embeds; chats are of the bare model
 * @param lazy whether the model is loaded by the first call instead of when the application starts
 * @param sessions calls that compute at the same time, others wait; not set = as many as {@code LoadOptions.defaults()} has
 * @param threads threads of one call; not set = the physical cores, divided between the calls that run
 * @param ctx most tokens of one text; not set = what the model was trained for
 * @param gpuLayers layers held by the GPU, if the library has a GPU backend; -1 = all
 * @param reusePrefix whether a chat spares what was read before; false = the same call with the same seed always gives the same
 * @param embedding how texts become vectors
 * @param chat how answers are generated
 */
@Validated
@ConfigurationProperties("magnet")
public record MagnetProperties(
        @DefaultValue("smollm2-135m-instruct") @NotBlank String model,
        @Nullable @Pattern(regexp = ".*\\S.*", message = "must be a name, a file or \"none\"") String adapter,
        @DefaultValue("false") boolean lazy,
        @Nullable @Positive Integer sessions,
        @Nullable @Positive Integer threads,
        @Nullable @Positive Integer ctx,
        @DefaultValue("0") @Min(-1) int gpuLayers,
        @DefaultValue("true") boolean reusePrefix,
        @DefaultValue @Valid Embedding embedding,
        @DefaultValue @Valid Chat chat) {

    /**
     * How texts become vectors.
     *
     * @param instruction prefix of every text; not set = the adapter's
     * @param dimensions numbers of a vector, its first ones; not set = all
     * @param truncate whether the head of a text that is too long is embedded; otherwise it is refused
     */
    public record Embedding(
            @Nullable String instruction, @Nullable @Positive Integer dimensions, @DefaultValue("false") boolean truncate) {}

    /**
     * How answers are generated, where a prompt's options do not say otherwise. Not set = MAGNET's default.
     *
     * @param temperature 0 = always the likeliest token
     * @param topP only the likeliest tokens that make up this probability
     * @param topK only the k likeliest tokens; 0 = off
     * @param frequencyPenalty taken off the logit of a recent token for every occurrence
     * @param presencePenalty taken off the logit of a recent token once
     * @param maxTokens most tokens of an answer
     * @param stop strings that end an answer
     * @param timeout an answer that takes longer fails
     */
    public record Chat(
            @Nullable @DecimalMin("0") @DecimalMax(LARGEST) Double temperature,
            @Nullable @DecimalMin(value = "0", inclusive = false) @DecimalMax("1") Double topP,
            @Nullable @PositiveOrZero Integer topK,
            @Nullable @DecimalMin("-" + LARGEST) @DecimalMax(LARGEST) Double frequencyPenalty,
            @Nullable @DecimalMin("-" + LARGEST) @DecimalMax(LARGEST) Double presencePenalty,
            @Nullable @Positive Integer maxTokens,
            @DefaultValue List<@NotEmpty String> stop,
            @Nullable @DurationMin(nanos = 1) Duration timeout) {
        private static final String LARGEST = "3.4e38"; // of a float
    }
}
