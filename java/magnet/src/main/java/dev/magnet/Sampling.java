package dev.magnet;

import dev.magnet.internal.Defaults;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How the next token is chosen. Values out of range are refused by the call that uses them.
 *
 * @param temperature 0 = always the likeliest token
 * @param topK only the k likeliest; 0 = off
 * @param topP only the likeliest that make up this probability, in (0, 1]; 1 = off
 * @param minP only those at least this share as likely as the likeliest, in [0, 1); 0 = off
 * @param repeatPenalty divides the logits of recent tokens, above 0; 1 = off
 * @param frequencyPenalty taken off the logit of a recent token for every occurrence; 0 = off
 * @param presencePenalty taken off the logit of a recent token once; 0 = off
 * @param penaltyLastN how many tokens count as recent; 0 = off, -1 = all
 * @param seed in [0, 2^32); the same seed gives the same text for the same call, save for rounding, and always
 *     the same without {@link LoadOptions#reusePrefix()}; -1 = another one each call
 * @param grammar GBNF grammar that the text must follow; null = none
 * @param grammarRoot the rule that it begins with; null = {@code root}
 * @param schema JSON schema of the text, which then is JSON and valid by it ({@code docs/json.md} says what is supported);
 *     null = none. Not beside a grammar
 * @param logitBias added to the logits of tokens; negative infinity bans one
 */
@Withers
public record Sampling(
        float temperature,
        int topK,
        float topP,
        float minP,
        float repeatPenalty,
        float frequencyPenalty,
        float presencePenalty,
        int penaltyLastN,
        long seed,
        @Nullable String grammar,
        @Nullable String grammarRoot,
        @Nullable String schema,
        Map<Integer, Float> logitBias) implements SamplingWithers {
    /** Makes {@code logitBias} immutable. */
    public Sampling {
        logitBias = Map.copyOf(logitBias);
    }

    /** The defaults of generation: temperature 0.8 and moderate truncation, another seed each call. */
    public static Sampling defaults() {
        return Defaults.generate().sampling();
    }

    /** Always the likeliest token: the defaults of infilling. */
    public static Sampling greedy() {
        return Defaults.infill().sampling();
    }
}
