package dev.magnet.langchain4j;

import dev.magnet.GenerateOptions;
import dev.magnet.Sampling;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What builders of models that write text ask for besides. A null leaves the default of {@link GenerateOptions}.
 *
 * @param <B> the builder itself
 */
public abstract class GeneratingBuilder<B extends GeneratingBuilder<B>> extends MagnetBuilder<B> {
    private @Nullable Double temperature;
    private @Nullable Double topP;
    private @Nullable Integer topK;
    private @Nullable Double minP;
    private @Nullable Double repeatPenalty;
    private @Nullable Double frequencyPenalty;
    private @Nullable Double presencePenalty;
    private @Nullable Integer seed;
    private @Nullable Integer maxOutputTokens;
    private @Nullable List<String> stop;
    private @Nullable Duration timeout;

    /** For the builders of this package. */
    protected GeneratingBuilder() {
        super(false); // an adapter writes in the style that it was trained on
    }

    /** {@link Sampling#temperature()}; 0 = always the likeliest token. */
    public B temperature(@Nullable Double temperature) {
        this.temperature = temperature;
        return self();
    }

    /** {@link Sampling#topP()}. */
    public B topP(@Nullable Double topP) {
        this.topP = topP;
        return self();
    }

    /** {@link Sampling#topK()}. */
    public B topK(@Nullable Integer topK) {
        this.topK = topK;
        return self();
    }

    /** {@link Sampling#minP()}. */
    public B minP(@Nullable Double minP) {
        this.minP = minP;
        return self();
    }

    /** {@link Sampling#repeatPenalty()}. */
    public B repeatPenalty(@Nullable Double repeatPenalty) {
        this.repeatPenalty = repeatPenalty;
        return self();
    }

    /** {@link Sampling#frequencyPenalty()}. */
    public B frequencyPenalty(@Nullable Double frequencyPenalty) {
        this.frequencyPenalty = frequencyPenalty;
        return self();
    }

    /** {@link Sampling#presencePenalty()}. */
    public B presencePenalty(@Nullable Double presencePenalty) {
        this.presencePenalty = presencePenalty;
        return self();
    }

    /** {@link Sampling#seed()}. */
    public B seed(@Nullable Integer seed) {
        this.seed = seed;
        return self();
    }

    /** {@link GenerateOptions#maxTokens()}. */
    public B maxOutputTokens(@Nullable Integer maxOutputTokens) {
        this.maxOutputTokens = maxOutputTokens;
        return self();
    }

    /** {@link GenerateOptions#stop()}. */
    public B stop(@Nullable List<String> stop) {
        Failures.refuseNulls(stop, "stop string");
        this.stop = stop;
        return self();
    }

    /** A call that takes longer fails with {@link dev.langchain4j.exception.TimeoutException}. */
    public B timeout(@Nullable Duration timeout) {
        this.timeout = timeout;
        return self();
    }

    MagnetChatRequestParameters parameters() {
        return MagnetChatRequestParameters.builder()
                .temperature(temperature)
                .topP(topP)
                .topK(topK)
                .minP(minP)
                .repeatPenalty(repeatPenalty)
                .frequencyPenalty(frequencyPenalty)
                .presencePenalty(presencePenalty)
                .seed(seed)
                .maxOutputTokens(maxOutputTokens)
                .stopSequences(stop)
                .build();
    }

    @Nullable Duration timeout() {
        return timeout;
    }
}
