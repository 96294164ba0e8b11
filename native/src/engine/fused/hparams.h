// What a decoder is made of, as data: the blocks of every family that the engine covers differ in what stands here and in
// nothing else.
#pragma once

#include "kernels.h"

#include <cstdint>
#include <string>
#include <vector>

struct gguf_context;

namespace magnet::fused {

// Rotary embedding: angle of pair i at position p = p * scale * base^(-2 i / n_rot) / factor i.
struct rope_params {
    float base    = 10000.0f;
    float scale   = 1.0f;
    bool  factors = false; // rope_freqs.weight divides the frequencies
};

struct layer_params {
    int32_t window = 0; // keys with pos(q) - pos(k) >= window are hidden; 0 = none
    int32_t rope   = 0; // index into hparams::ropes; -1 = positions are not rotated in
};

enum class head_norm { none, each, all }; // of queries and keys: RMSNorm of each head, or of all heads together

// The dense decoder block: attention with grouped heads, gated feed-forward, RMSNorm before or behind either.
struct hparams {
    std::string arch;
    int32_t     n_vocab     = 0;
    int32_t     n_embd      = 0;
    int32_t     n_layer     = 0;
    int32_t     n_head      = 0;
    int32_t     n_head_kv   = 0;
    int32_t     head_dim    = 0;
    int32_t     n_rot       = 0;
    int32_t     n_ff        = 0;
    int32_t     n_ctx_train = 0;
    float       eps         = 1e-5f;
    bool        rope_pairs  = false; // the file's rotary pairs are (2i, 2i + 1), not (i, i + n_rot / 2)
    bool        tied        = true;  // the output head is token_embd
    activation  act         = activation::silu;

    bool      joined_qkv  = false; // queries, keys and values are one matrix of the file, attn_qkv
    bool      joined_ffn  = false; // gate and up are one, ffn_up
    bool      norm_before = true;  // attn_norm, ffn_norm: of what attention and feed-forward read
    bool      norm_after  = false; // post_attention_norm, post_ffw_norm: of what they add to the residual stream
    head_norm qk_norm     = head_norm::none;

    float embd_scale      = 1.0f; // of token embeddings
    float residual_scale  = 1.0f; // of what attention and feed-forward add
    float attention_scale = 1.0f; // of the scores
    float attention_cap   = 0.0f; // scores become cap * tanh(score / cap); 0 = they stay
    float logit_scale     = 1.0f;
    float logit_cap       = 0.0f;

    std::vector<rope_params>  ropes;
    std::vector<layer_params> layers; // [n_layer]
};

// Reads all but what only tensors tell: n_vocab, tied, joined matrices, norms. path: for messages. Throws magnet::error (BAD_FILE, or
// UNSUPPORTED where the engine does not cover the model).
hparams read_hparams(const gguf_context * meta, const std::string & path);

[[noreturn]] void bad_file(const std::string & path, const std::string & what);
[[noreturn]] void unsupported(const std::string & what);

} // namespace magnet::fused
