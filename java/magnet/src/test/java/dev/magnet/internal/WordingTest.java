package dev.magnet.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.magnet.LoadOptions;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** {@link dev.magnet.MessagesTest} makes the library say such things. */
class WordingTest {
    @BeforeAll
    static void load() {
        LoadOptions.defaults();
    }

    @Test
    void fieldsBecomeComponents() {
        Map<String, String> messages = Map.of(
                "n_ctx is 7; it must be in [8, 256].", "ctx is 7; it must be in [8, 256].",
                "rows.max_spans is 0.", "rows.maxSpans is 0.",
                "repetition.sampling.top_k is -1.", "sampling.topK is -1.",
                "infill.span_min is 0.", "gaps.min is 0.",
                "retrieval.cutoffs[1] is 0.", "cutoffs[1] is 0.",
                "give share_hybrid and mask_rate more than 0", "give shareHybrid and maskRate more than 0",
                "tokens are read. Raise max_tokens or shorten it.", "tokens are read. Raise maxTokens or shorten it.");
        messages.forEach((c, java) -> assertEquals(java, Wording.inJava(c)));
    }

    @Test
    void whatIsTheUsersStays() {
        for (String message : new String[] {
            "cannot open /data/n_ctx/max_tokens: No such file or directory.",
            "/data/top_k.gguf is not a GGUF file.",
            "unknown target matrix \"mask_rate\"; this model has q, k.",
            "the mask token \"max_tokens\" is 3 tokens in this vocabulary",
            "C:\\n_ctx is missing",
            "blk.0.attn_q.weight has no .lora_b."
        }) {
            assertEquals(message, Wording.inJava(message));
        }
    }

    /** Two fields of one name with two components would make half of the messages wrong. */
    @Test
    void noComponentIsNamedAsInC() {
        for (var mapping : new Mapping<?>[] {
            Params.MODEL, Params.SESSION, Params.EMBED, Params.GENERATE, Params.INFILL, Params.SCORE, Params.TRAIN
        }) {
            mapping.componentsByField().forEach((c, java) -> {
                assertFalse(java.contains("_"), java);
                assertEquals(java + " is 1.", Wording.inJava(c + " is 1."));
            });
        }
    }
}
