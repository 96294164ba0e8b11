#include "tiny_model.h"

#include "ggml.h"
#include "gguf.h"

#include <cmath>
#include <memory>
#include <random>
#include <stdexcept>

namespace magnet::testing {

namespace {

class writer {
public:
    explicit writer(const tiny_model_params & p)
        : random(p.seed), meta(gguf_init_empty(), gguf_free),
          data(ggml_init({ /*mem_size =*/ size_t(256) << 20, nullptr, /*no_alloc =*/ false }), ggml_free) {}

    void u32(const std::string & key, int32_t value) { gguf_set_val_u32(meta.get(), key.c_str(), uint32_t(value)); }
    void f32(const std::string & key, float value) { gguf_set_val_f32(meta.get(), key.c_str(), value); }
    void str(const std::string & key, const std::string & value) {
        gguf_set_val_str(meta.get(), key.c_str(), value.c_str());
    }

    void flags(const std::string & key, const std::vector<bool> & values) {
        const std::vector<int8_t> bytes(values.begin(), values.end());
        gguf_set_arr_data(meta.get(), key.c_str(), GGUF_TYPE_BOOL, bytes.data(), bytes.size());
    }

    // Values mean + deviation * normal.
    void tensor(const std::string & name, int64_t n_in, int64_t n_out, float mean, float deviation, int64_t n = 0) {
        ggml_tensor * t = n > 0       ? ggml_new_tensor_3d(data.get(), GGML_TYPE_F32, n_in, n_out, n)
                          : n_out > 0 ? ggml_new_tensor_2d(data.get(), GGML_TYPE_F32, n_in, n_out)
                                      : ggml_new_tensor_1d(data.get(), GGML_TYPE_F32, n_in);
        ggml_set_name(t, name.c_str());
        std::normal_distribution<float> normal(mean, deviation);
        for (int64_t i = 0; i < ggml_nelements(t); ++i) {
            static_cast<float *>(t->data)[i] = normal(random);
        }
        gguf_add_tensor(meta.get(), t);
    }
    // n > 0: so many of them in one tensor.
    void matrix(const std::string & name, int64_t n_in, int64_t n_out, int64_t n = 0) {
        tensor(name, n_in, n_out, 0.0f, 1.0f / std::sqrt(float(n_in)), n);
    }
    void vector(const std::string & name, int64_t n, float mean) { tensor(name, n, 0, mean, 0.2f); }

    void write(const std::string & path) {
        if (!gguf_write_to_file(meta.get(), path.c_str(), /*only_meta =*/ false)) {
            throw std::runtime_error("cannot write " + path);
        }
    }

private:
    std::mt19937                                            random;
    std::unique_ptr<gguf_context, decltype(&gguf_free)>     meta;
    std::unique_ptr<ggml_context, decltype(&ggml_free)>     data;
};

} // namespace

void write_tiny_model(const std::string & path, const tiny_model_params & p) {
    writer            w(p);
    const std::string key    = p.arch + ".";
    const bool        looped = p.arch == "hrm_text"; // its norms have no weights
    w.str("general.architecture", p.arch);
    w.u32(key + "context_length", p.n_ctx);
    w.u32(key + "embedding_length", p.n_embd);
    w.u32(key + "block_count", looped ? 2 * p.n_layer : p.n_layer);
    w.u32(key + "feed_forward_length", p.n_ff);
    w.u32(key + "attention.head_count", p.n_head);
    w.u32(key + "attention.head_count_kv", p.n_head_kv);
    w.u32(key + "attention.key_length", p.head_dim);
    w.u32(key + "attention.value_length", p.head_dim);
    w.u32(key + "rope.dimension_count", p.n_rot);
    w.u32(key + "vocab_size", p.n_vocab);
    w.str("tokenizer.ggml.model", "none");
    if (p.n_expert > 0) {
        w.u32(key + "expert_count", p.n_expert);
        w.u32(key + "expert_used_count", p.n_expert_used);
    }
    w.f32(key + "attention.layer_norm_rms_epsilon", 1e-5f);
    w.f32(key + "rope.freq_base", p.rope_base);
    if (p.rope_scale != 1.0f) {
        w.str(key + "rope.scaling.type", "linear");
        w.f32(key + "rope.scaling.factor", p.rope_scale);
    }

    if (p.arch == "phi3") {
        w.u32(key + "rope.scaling.original_context_length", p.n_ctx);
    }
    if (p.window > 0) {
        w.u32(key + "attention.sliding_window", p.window);
    }
    if (p.window_every > 0) {
        w.u32(key + "attention.sliding_window_pattern", p.window_every);
    }
    if (!p.window_layers.empty()) {
        w.flags(key + "attention.sliding_window_pattern", p.window_layers);
    }
    if (p.score_cap > 0.0f) {
        w.f32(key + "attn_logit_softcapping", p.score_cap);
    }
    if (p.logit_cap > 0.0f) {
        w.f32(key + "final_logit_softcapping", p.logit_cap);
    }
    if (p.multiplier > 0.0f) {
        w.f32(key + "embedding_scale", p.multiplier);
        w.f32(key + "residual_scale", 1.0f / p.multiplier);
        w.f32(key + "attention.scale", 0.1f * p.multiplier);
        w.f32(key + "logit_scale", 0.5f * p.multiplier);
    }

    w.tensor("token_embd.weight", p.n_embd, p.n_vocab, 0.0f, 1.0f);
    if (looped) {
        w.u32(key + "hrm.layers_per_stack", p.n_layer / 2);
        w.u32(key + "hrm.h_cycles", 2);
        w.u32(key + "hrm.l_cycles", 1);
        w.vector("hrm.z_l_init", p.n_embd, 0.0f);
    } else {
        w.vector("output_norm.weight", p.n_embd, 1.0f);
    }
    if (!p.tied) {
        w.matrix("output.weight", p.n_embd, p.n_vocab);
    }
    if (p.rope_freqs) {
        w.vector("rope_freqs.weight", p.n_rot / 2, 2.0f);
    }
    for (int32_t l = 0; l < p.n_layer; ++l) {
        const std::string b = "blk." + std::to_string(l) + ".";
        const int64_t     q = int64_t(p.n_head) * p.head_dim;
        const int64_t     k = int64_t(p.n_head_kv) * p.head_dim;
        if (looped) {
            w.matrix(b + "attn_gate.weight", p.n_embd, q);
        } else if (p.arch != "olmo2") {
            w.vector(b + "attn_norm.weight", p.n_embd, 1.0f);
        }
        if (p.arch == "phi3") {
            w.matrix(b + "attn_qkv.weight", p.n_embd, q + 2 * k);
        } else {
            w.matrix(b + "attn_q.weight", p.n_embd, q);
            w.matrix(b + "attn_k.weight", p.n_embd, k);
            w.matrix(b + "attn_v.weight", p.n_embd, k);
        }
        w.matrix(b + "attn_output.weight", q, p.n_embd);
        if (p.arch == "qwen2") {
            w.vector(b + "attn_q.bias", q, 0.0f);
            w.vector(b + "attn_k.bias", k, 0.0f);
            w.vector(b + "attn_v.bias", k, 0.0f);
        }
        if (p.arch == "gemma2" || p.arch == "gemma3" || p.arch == "olmo2") {
            w.vector(b + "post_attention_norm.weight", p.n_embd, 1.0f);
            w.vector(b + "post_ffw_norm.weight", p.n_embd, 1.0f);
        }
        if (p.arch == "qwen3" || p.arch == "gemma3") {
            w.vector(b + "attn_q_norm.weight", p.head_dim, 1.0f);
            w.vector(b + "attn_k_norm.weight", p.head_dim, 1.0f);
        }
        if (p.arch == "olmo2") {
            w.vector(b + "attn_q_norm.weight", q, 1.0f);
            w.vector(b + "attn_k_norm.weight", k, 1.0f);
        }
        if (p.arch == "chameleon") {
            w.tensor(b + "attn_q_norm.weight", p.head_dim, p.n_head, 1.0f, 0.2f);
            w.tensor(b + "attn_k_norm.weight", p.head_dim, p.n_head_kv, 1.0f, 0.2f);
        }
        if (!looped && p.arch != "olmo2") {
            w.vector(b + "ffn_norm.weight", p.n_embd, 1.0f);
        }
        if (p.n_expert > 0) {
            w.matrix(b + "ffn_gate_inp.weight", p.n_embd, p.n_expert);
            w.matrix(b + "ffn_gate_exps.weight", p.n_embd, p.n_ff, p.n_expert);
            w.matrix(b + "ffn_up_exps.weight", p.n_embd, p.n_ff, p.n_expert);
            w.matrix(b + "ffn_down_exps.weight", p.n_ff, p.n_embd, p.n_expert);
        } else if (p.arch == "phi3") {
            w.matrix(b + "ffn_up.weight", p.n_embd, 2 * p.n_ff);
            w.matrix(b + "ffn_down.weight", p.n_ff, p.n_embd);
        } else {
            w.matrix(b + "ffn_gate.weight", p.n_embd, p.n_ff);
            w.matrix(b + "ffn_up.weight", p.n_embd, p.n_ff);
            w.matrix(b + "ffn_down.weight", p.n_ff, p.n_embd);
        }
    }
    w.write(path);
}

} // namespace magnet::testing
