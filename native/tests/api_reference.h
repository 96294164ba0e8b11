// What the calls of magnet.h are compared with: a dense double-precision pass over a tiny model, by token ids.
#pragma once

#include "api.h"
#include "reference_model.h"

#include "gguf.h"

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace magnet::testing {

// Of a log-probability of a tiny model: the KV cache holds keys and values as half floats.
constexpr double tolerance = 2e-2;

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

// tiny-ARCHITECTURE.gguf: llama, qwen2 or qwen3.
class dense {
public:
    explicit dense(const std::string & architecture) : model_(golden("tiny-" + architecture + ".gguf")) {}

    const reference_model & model() const { return model_; }

    // [T, D], causal
    std::vector<double> hidden(const std::vector<int32_t> & tokens) const {
        engine_row row;
        row.tokens   = tokens.data();
        row.n_tokens = (int32_t) tokens.size();
        return model_.hidden(row);
    }

    // [V], of the token at index
    std::vector<double> logits_at(const std::vector<double> & hidden, size_t index) const {
        const auto begin = hidden.begin() + index * model_.n_embd();
        return model_.logits({ begin, begin + model_.n_embd() });
    }

    std::vector<double> next_logits(const std::vector<int32_t> & tokens) const {
        return logits_at(hidden(tokens), tokens.size() - 1);
    }

private:
    const reference_model model_;
};

// Bans all but the letters A to Z, so that the text of generated tokens is read as the same tokens again.
inline std::vector<magnet_logit_bias> only_letters(const std::string & architecture) {
    const int32_t                  first_byte = architecture == "llama" ? 3 : 4;
    std::vector<magnet_logit_bias> bias;
    for (int32_t token = 0; token < 264; ++token) {
        if (token < first_byte + 'A' || token > first_byte + 'Z') {
            bias.push_back({ token, -std::numeric_limits<float>::infinity() });
        }
    }
    return bias;
}

// For copy_gguf: the same weights for longer texts.
inline std::function<void(gguf_context *)> set_context_length(const std::string & architecture, uint32_t n) {
    return [=](gguf_context * gguf) { gguf_set_val_u32(gguf, (architecture + ".context_length").c_str(), n); };
}

} // namespace magnet::testing
