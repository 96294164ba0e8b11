package dev.magnet;

import dev.magnet.internal.Defaults;
import dev.magnet.internal.Timeouts;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How a prompt is continued.
 *
 * @param sampling how tokens are chosen
 * @param maxTokens most tokens to generate; -1 = as many as fit
 * @param stop strings that end the text, which does not contain them, or names of control tokens; none may be empty
 * @param top alternatives to report for every token, in [0, 100]
 * @param texts texts of the prompt, in [1, 256]; several are sampled together, with the seeds seed, seed + 1, ..., from a prompt
 *     that is read once ({@link Generated#spans()}); the temperature must be above 0 then, and no token is delivered by itself
 * @param addSpecial whether the begin-of-sequence token is put in front where the vocabulary asks for it
 * @param parseSpecial whether names of control tokens in the prompt, or in the messages of a chat, are read as such.
 *     Leave it off where strangers write into it
 * @param ignoreEos whether to go on after the model ended the text
 * @param timeout after this time, that of waiting for other calls included, the text ends as it is
 *     ({@link StopReason#TIMEOUT}); before its first token there is none, and the call fails ({@link Status#TIMEOUT}). null =
 *     never
 * @param adapters adapters of this call; null = those of {@link LoadOptions#adapters()}, empty = the bare model
 */
@Withers
public record GenerateOptions(
        Sampling sampling,
        int maxTokens,
        List<String> stop,
        int top,
        int texts,
        boolean addSpecial,
        boolean parseSpecial,
        boolean ignoreEos,
        @Nullable Duration timeout,
        @Nullable List<ScaledAdapter> adapters) implements GenerateOptionsWithers {
    /** Checks its arguments and makes its lists immutable. */
    public GenerateOptions {
        Objects.requireNonNull(sampling, "sampling");
        stop = List.copyOf(stop);
        timeout = Timeouts.checked(timeout);
        adapters = adapters == null ? null : List.copyOf(adapters);
    }

    /** The native library's defaults. */
    public static GenerateOptions defaults() {
        return Defaults.generate();
    }

    /** A copy with this {@link Sampling#temperature()}. */
    public GenerateOptions withTemperature(double temperature) {
        return withSampling(sampling.withTemperature(temperature));
    }

    /** A copy with this {@link Sampling#seed()}. */
    public GenerateOptions withSeed(long seed) {
        return withSampling(sampling.withSeed(seed));
    }

    /** A copy with this {@link Sampling#grammar()}, or without one. */
    public GenerateOptions withGrammar(@Nullable String grammar) {
        return withSampling(sampling.withGrammar(grammar));
    }

    /** A copy with this {@link Sampling#schema()}, or without one. */
    public GenerateOptions withSchema(@Nullable String schema) {
        return withSampling(sampling.withSchema(schema));
    }
}
