// What the core asks of llama.cpp beyond llama.h.
#pragma once

#include <cstdint>

struct llama_model;

namespace magnet {

enum class attention_kind {
    plain,     // decoder whose attention goes through the patched builders: all that MAGNET does
    special,   // decoder with a cache of its own (latent or sparse attention): causal generation only
    recurrent, // recurrent, hybrid or diffusion: the mask has no meaning there
    encoder,   // encoder-only or encoder-decoder
};

attention_kind llama_attention_kind(const llama_model * model);

// Values of the keys and values of one token, all layers together.
int64_t llama_cache_values_per_token(const llama_model * model);

// Can its graph keep keys and values in blocks of 32 values of 8 bits? A head must be whole blocks.
bool llama_cache_takes_8_bits(const llama_model * model);

} // namespace magnet
