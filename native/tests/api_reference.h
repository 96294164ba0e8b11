// What the calls of magnet.h are compared with: a dense double-precision pass over a tiny model, by token ids.
#pragma once

#include "api.h"
#include "gguf_file.h"
#include "reference_model.h"

#include "gguf.h"

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace magnet::testing {

// Of a log-probability of a tiny model: with a KV cache llama.cpp computes attention in half precision. Seen: 0.02 with
// flash attention, 0.013 without, in either case on llama, whose logits are the largest; what a wrong mask changes is
// beyond 0.5.
// A GPU computes products with F32 weights in TF32.
inline const double tolerance = gpu_layers() == 0 ? 4e-2 : 1e-1;

// Of the same log-probability through passes of other sizes, which add up in another order; on a GPU through other
// kernels.
inline const double repeat_tolerance = gpu_layers() == 0 ? 2e-3 : 2e-2;

inline std::vector<double> log_softmax(std::vector<double> logits) {
    double max = -std::numeric_limits<double>::infinity(), sum = 0.0;
    for (const double x : logits) {
        max = std::max(max, x);
    }
    for (const double x : logits) {
        sum += std::exp(x - max);
    }
    for (double & x : logits) {
        x -= max + std::log(sum);
    }
    return logits;
}

// Decoders of different build, each held to all modes: the golden tiny models, and a llama with experts.
constexpr const char * architectures[] = {"llama", "qwen2", "qwen3", "gemma2", "phi3", "gpt2", "experts"};

inline std::string architecture_path(const std::string & architecture) {
    if (architecture != "experts") {
        return golden("tiny-" + architecture + ".gguf");
    }
    static const std::string path = [] {
        const std::string written = scratch_path("experts.gguf");
        write_ascii_model(written, 96, 4);
        return written;
    }();
    return path;
}

// One of architectures.
class dense {
public:
    explicit dense(const std::string & architecture) : model_(architecture_path(architecture)) {}

    const reference_model & model() const { return model_; }

    // [T, D], causal
    std::vector<double> hidden(const std::vector<int32_t> & tokens) const {
        engine_row row;
        row.tokens   = tokens.data();
        row.n_tokens = (int32_t)tokens.size();
        return model_.hidden(row);
    }

    // [V], of the token at index
    std::vector<double> logits_at(const std::vector<double> & hidden, size_t index) const {
        const auto begin = hidden.begin() + index * model_.n_embd();
        return model_.logits({begin, begin + model_.n_embd()});
    }

    std::vector<double> next_logits(const std::vector<int32_t> & tokens) const {
        return logits_at(hidden(tokens), tokens.size() - 1);
    }

private:
    const reference_model model_;
};

// Bans all but the letters A to Z, so that the text of generated tokens is read as the same tokens again.
inline std::vector<magnet_logit_bias> only_letters(const std::string & architecture) {
    const bool                     ascii      = architecture == "experts"; // where '!' is token 2
    const int32_t                  first_byte = ascii ? 2 - '!' : architecture == "llama" ? 3 : 4;
    std::vector<magnet_logit_bias> bias;
    for (int32_t token = 0; token < (ascii ? 96 : 264); ++token) {
        if (token < first_byte + 'A' || token > first_byte + 'Z') {
            bias.push_back({token, -std::numeric_limits<float>::infinity()});
        }
    }
    return bias;
}

// For copy_gguf: the same weights for longer texts.
inline std::function<void(gguf_context *)> set_context_length(const std::string & architecture, uint32_t n) {
    return [=](gguf_context * gguf) { gguf_set_val_u32(gguf, (architecture + ".context_length").c_str(), n); };
}

} // namespace magnet::testing
