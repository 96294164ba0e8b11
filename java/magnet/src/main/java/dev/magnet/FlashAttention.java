package dev.magnet;

/**
 * Whether llama.cpp's graph computes attention in one fused step. Changes speed, memory and rounding: results differ between
 * {@link #ON} and {@link #OFF} as they do between engines, more the coarser the weights are quantised.
 */
public enum FlashAttention {
    /** On where the backend has it. */
    AUTO,
    /** Never. */
    OFF,
    /** Always. */
    ON
}
