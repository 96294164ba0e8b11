// Writes tiny random decoders as GGUF files, in any shape a test wants. No tokenizer: rows of token ids are the input.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace magnet::testing {

struct tiny_model_params {
    std::string arch       = "llama"; // llama, qwen2 (QKV bias), qwen3 (QK norm), gemma, gemma2 (norms behind each half),
                                      // gemma3 (these and QK norm), smollm3 (layers without rotation), granite, olmo2
                                      // (norms of all queries and keys, and none before the halves), phi3 (joined
                                      // matrices), chameleon
                                      // (whose head writes into the logits) or hrm_text (whose graph goes through its
                                      // blocks twice)
    int32_t     n_vocab    = 96;
    int32_t     n_embd     = 32;
    int32_t     n_layer    = 2;
    int32_t     n_head     = 4;
    int32_t     n_head_kv  = 2;
    int32_t     head_dim   = 8;
    int32_t     n_rot      = 8;
    int32_t     n_ff       = 48;
    int32_t     n_ctx      = 256;
    bool        tied       = true;  // no output.weight: the head is token_embd
    bool        rope_freqs = false; // per-frequency factors as in Llama 3
    float       rope_base  = 10000.0f;
    float       rope_scale = 1.0f;  // linear scaling: positions are divided by it
    int32_t     n_expert      = 0; // llama: experts in place of the feed-forward, as in Mixtral
    int32_t     n_expert_used = 0;
    int32_t              window     = 0;    // sliding, of gemma2 and gemma3; 0 = the file names none
    int32_t              window_every = 0;  // of so many layers all but the last have it; 0 = the family's rule
    std::vector<bool>    window_layers;     // or those that are named here
    float                score_cap  = 0.0f; // soft caps; 0 = the file names none
    float                logit_cap  = 0.0f;
    float                multiplier = 0.0f; // granite: of embeddings; residuals, scores and logits have others made of it
    uint32_t    seed       = 1;
};

// Weights are F32, drawn so that activations stay of order one. Throws std::runtime_error if the file cannot be written.
void write_tiny_model(const std::string & path, const tiny_model_params & params);

} // namespace magnet::testing
