package dev.magnet;

/** Whether llama.cpp's graph computes attention in one fused step. Changes speed and memory, not what is computed. */
public enum FlashAttention {
    /** On where the backend has it. */
    AUTO,
    /** Never. */
    OFF,
    /** Always. */
    ON
}
