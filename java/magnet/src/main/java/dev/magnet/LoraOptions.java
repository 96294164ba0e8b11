package dev.magnet;

import dev.magnet.internal.Defaults;
import java.util.List;

/**
 * The adapter that is trained (LoRA, arXiv 2106.09685). Values out of range are refused by the call that uses them.
 *
 * @param rank inner size of its matrices, at least 1
 * @param alpha its contribution is multiplied by alpha / rank
 * @param dropout share of its input that is left out in training, in [0, 0.99]
 * @param targets weight matrices that get one: q, k, v, o, gate, up, down, or names of tensors in the model's file
 */
@Withers
public record LoraOptions(
        int rank,
        float alpha,
        float dropout,
        List<String> targets) implements LoraOptionsWithers {
    /** Makes {@code targets} immutable. */
    public LoraOptions {
        targets = List.copyOf(targets);
    }

    /** The native library's defaults: rank 16 on all seven matrices of a layer. */
    public static LoraOptions defaults() {
        return Defaults.train().lora();
    }
}
