// A dense decoder in double precision, for tests: straightforward loops, no code shared with what it judges.
//
// It reads the same GGUF file as the implementations under test, through gguf.h alone, and keeps every matrix as the
// file lays it out (no permutation, no packing). Formulas follow upstream's graphs: llama.cpp src/models/llama.cpp (with
// and without experts), qwen2.cpp, qwen3.cpp, gemma.cpp, gemma2.cpp, gemma3.cpp, smollm3.cpp, granite.cpp, olmo2.cpp, phi3.cpp,
// gpt2.cpp,
// and the rotary embedding of ggml-cpu/ops.cpp.
#pragma once

#include "engine/engine.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace magnet::testing {

// May the query token at index q of a row see the key token at index k?
using sees_fn = std::function<bool(int32_t q, int32_t k)>;

// The project's rule over a row's roles and positions (NULL as in engine_row: all SPAN; 0, 1, 2, ...).
sees_fn sees_by_role(const engine_row & row);

// GELU in its tanh form, as the models of Gemma have it.
double gelu_tanh(double x);

class reference_model {
public:
    // Throws std::runtime_error if the file cannot be read or its architecture is none of those above.
    explicit reference_model(const std::string & path);

    int32_t n_vocab() const { return vocab; }
    int32_t n_embd() const { return width; }
    int32_t n_layer() const { return layers; }

    // A matrix or vector of the file, row-major [n_out, n_in]; throws if it does not exist.
    const std::vector<double> & tensor(const std::string & name) const;
    bool                        has_tensor(const std::string & name) const { return tensors.count(name) != 0; }

    // Hidden states after the final norm, [T, D]. Several adapters are summed.
    std::vector<double> hidden(const engine_row & row, const sees_fn & sees,
                               const std::vector<const lora_set *> & adapters = {}) const;

    // The same under the project's rule.
    std::vector<double> hidden(const engine_row & row, const std::vector<const lora_set *> & adapters = {}) const {
        return hidden(row, sees_by_role(row), adapters);
    }

    // logits [n, V] of hidden [n, D].
    std::vector<double> logits(const std::vector<double> & hidden) const;

    // From now on keys and values are what is left of them in 8 bits, with a scale to 32 values of a head.
    void round_keys_and_values() { rounded_cache = true; }

    // Every matrix an adapter can target, in the order of the forward pass; a and b empty.
    std::vector<lora_matrix> targets() const;

private:
    std::vector<double> product(const std::string & name, const std::vector<double> & x, int64_t n,
                                const std::vector<const lora_set *> & adapters) const;
    std::vector<double> norm(const std::vector<double> & x, const std::string & name, int64_t size) const;
    void                rope(std::vector<double> & x, int32_t n_heads, const std::vector<int32_t> & pos, bool local) const;
    bool                is_local(int32_t layer) const;
    std::vector<double> attention(const std::vector<double> & q, const std::vector<double> & k,
                                  const std::vector<double> & v, int32_t n_tokens, const sees_fn & sees) const;
    void                round_heads(std::vector<double> & x) const;
    std::vector<double> attention_of(int32_t layer, const std::vector<double> & x, const std::vector<int32_t> & pos,
                                     const sees_fn & sees, const std::vector<const lora_set *> & adapters) const;
    std::vector<double> feed_forward(int32_t layer, const std::vector<double> & x, int64_t n,
                                     const std::vector<const lora_set *> & adapters) const;
    std::vector<double> experts(int32_t layer, const std::vector<double> & x, int64_t n) const;
    double              activation(double x) const;

    struct shape_2d {
        int64_t n_in;
        int64_t n_out;
    };

    std::map<std::string, std::vector<double>> tensors;
    std::map<std::string, shape_2d>            shapes;

    std::string arch;
    int32_t     vocab    = 0;
    int32_t     width    = 0;
    int32_t     layers   = 0;
    int32_t     heads    = 0;
    int32_t     heads_kv = 0;
    int32_t     head_dim = 0;
    int32_t     n_rot    = 0;
    int32_t     window   = 0; // of local layers: keys so far behind a query are hidden, whatever their role
    int32_t     window_every = 0; // of so many layers the last is not local, unless there is a list
    std::vector<bool> window_layers;
    int32_t     n_expert_used = 0;
    bool        rounded_cache = false;
    bool        gelu       = false; // in place of SiLU
    bool        layer_norm = false; // in place of RMSNorm
    bool        neox       = false; // rotary pairs (i, i + n_rot/2) instead of (2i, 2i + 1)
    double      rope_base  = 10000.0;
    double      rope_scale = 1.0;
    double      eps        = 1e-5;
    double      scale_embd     = 1.0;
    double      scale_residual = 1.0;
    double      scale_scores   = 1.0;
    double      scale_logits   = 1.0;
    double      attention_cap = 0.0; // 0 = none
    double      logit_cap     = 0.0;
};

} // namespace magnet::testing
