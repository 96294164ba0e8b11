#include "reference_model.h"

#include "magnet-mask.h"

#include "ggml.h"
#include "gguf.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <stdexcept>

namespace magnet::testing {

namespace {

struct gguf_file {
    explicit gguf_file(const std::string & path) {
        meta = gguf_init_from_file(path.c_str(), { /*no_alloc =*/ false, &data });
        if (meta == nullptr) {
            throw std::runtime_error("reference model: cannot read " + path);
        }
    }
    ~gguf_file() {
        gguf_free(meta);
        ggml_free(data);
    }
    gguf_file(const gguf_file &)             = delete;
    gguf_file & operator=(const gguf_file &) = delete;

    int64_t find(const std::string & key) const { return gguf_find_key(meta, key.c_str()); }

    int32_t u32(const std::string & key, int32_t otherwise) const {
        const int64_t id = find(key);
        return id < 0 ? otherwise : static_cast<int32_t>(gguf_get_val_u32(meta, id));
    }
    double f32(const std::string & key, double otherwise) const {
        const int64_t id = find(key);
        return id < 0 ? otherwise : gguf_get_val_f32(meta, id);
    }

    gguf_context * meta = nullptr;
    ggml_context * data = nullptr;
};

std::vector<double> to_double(const ggml_tensor * t) {
    const int64_t      n = ggml_nelements(t);
    std::vector<float> f(n);
    if (t->type == GGML_TYPE_F32) {
        std::memcpy(f.data(), t->data, n * sizeof(float));
    } else {
        ggml_get_type_traits(t->type)->to_float(t->data, f.data(), n);
    }
    return { f.begin(), f.end() };
}

} // namespace

sees_fn sees_by_role(const engine_row & row) {
    return [row](int32_t q, int32_t k) {
        const auto role = [&](int32_t i) { return row.roles ? row.roles[i] : int8_t(MAGNET_MASK_SPAN); };
        const auto pos  = [&](int32_t i) { return row.pos ? row.pos[i] : i; };
        return magnet_mask_allows(role(q), pos(q), role(k), pos(k));
    };
}

reference_model::reference_model(const std::string & path) {
    const gguf_file file(path);

    arch = gguf_get_val_str(file.meta, file.find("general.architecture"));
    const char * const known[] = { "llama", "qwen2",   "qwen3",   "gemma", "gemma2",
                                   "gemma3", "smollm3", "granite", "olmo2", "phi3",
                                   "gpt2" };
    if (std::find(std::begin(known), std::end(known), arch) == std::end(known)) {
        throw std::runtime_error("reference model: architecture " + arch + " is not written down here");
    }
    width      = file.u32(arch + ".embedding_length", 0);
    layers     = file.u32(arch + ".block_count", 0);
    heads      = file.u32(arch + ".attention.head_count", 0);
    heads_kv   = file.u32(arch + ".attention.head_count_kv", heads);
    head_dim   = file.u32(arch + ".attention.key_length", width / heads);
    n_rot      = file.u32(arch + ".rope.dimension_count", head_dim);
    eps        = file.f32(arch + ".attention.layer_norm_rms_epsilon", 1e-5);
    rope_base  = file.f32(arch + ".rope.freq_base", 10000.0);
    rope_scale = 1.0 / file.f32(arch + ".rope.scaling.factor", 1.0);
    neox       = arch != "llama" && arch != "smollm3" && arch != "granite";
    gelu       = arch.compare(0, 5, "gemma") == 0 || arch == "gpt2";
    layer_norm = arch == "gpt2";
    if (layer_norm) {
        eps = file.f32(arch + ".attention.layer_norm_epsilon", 1e-5);
    }
    window        = file.u32(arch + ".attention.sliding_window", 0);
    window_every  = arch == "gemma3" ? 6 : arch == "olmo2" ? 4 : 2;
    const int64_t pattern = file.find(arch + ".attention.sliding_window_pattern");
    if (pattern >= 0 && gguf_get_kv_type(file.meta, pattern) == GGUF_TYPE_ARRAY) {
        const auto * flags = static_cast<const int8_t *>(gguf_get_arr_data(file.meta, pattern));
        window_layers.assign(flags, flags + gguf_get_arr_n(file.meta, pattern));
    } else {
        window_every = file.u32(arch + ".attention.sliding_window_pattern", window_every);
    }
    scale_embd     = arch.compare(0, 5, "gemma") == 0 ? std::sqrt(double(width)) : file.f32(arch + ".embedding_scale", 1.0);
    scale_residual = file.f32(arch + ".residual_scale", 1.0);
    scale_scores   = file.f32(arch + ".attention.scale", 1.0 / std::sqrt(double(head_dim)));
    scale_logits   = 1.0 / file.f32(arch + ".logit_scale", 1.0);
    attention_cap = file.f32(arch + ".attn_logit_softcapping", 0.0);
    logit_cap     = file.f32(arch + ".final_logit_softcapping", 0.0);
    n_expert_used = file.u32(arch + ".expert_used_count", 0);

    for (ggml_tensor * t = ggml_get_first_tensor(file.data); t != nullptr; t = ggml_get_next_tensor(file.data, t)) {
        if (gguf_find_tensor(file.meta, t->name) < 0) {
            continue; // the blob that holds all tensors
        }
        tensors[t->name] = to_double(t);
        shapes[t->name]  = { t->ne[0], t->ne[1] };
    }
    vocab = static_cast<int32_t>(shapes.at("token_embd.weight").n_out);
}

const std::vector<double> & reference_model::tensor(const std::string & name) const {
    const auto it = tensors.find(name);
    if (it == tensors.end()) {
        throw std::runtime_error("reference model: no tensor " + name);
    }
    return it->second;
}

// y [n, n_out] = x [n, n_in] W^T + bias + sum over adapters of scale * (x A^T) B^T
std::vector<double> reference_model::product(const std::string & name, const std::vector<double> & x, int64_t n,
                                             const std::vector<const lora_set *> & adapters) const {
    const auto [n_in, n_out] = shapes.at(name + ".weight");
    const auto & w           = tensor(name + ".weight");

    std::vector<double> y(n * n_out, 0.0);
    for (int64_t t = 0; t < n; ++t) {
        for (int64_t o = 0; o < n_out; ++o) {
            double sum = has_tensor(name + ".bias") ? tensor(name + ".bias")[o] : 0.0;
            for (int64_t i = 0; i < n_in; ++i) {
                sum += w[o * n_in + i] * x[t * n_in + i];
            }
            y[t * n_out + o] = sum;
        }
    }
    for (const lora_set * set : adapters) {
        for (const lora_matrix & m : set->matrices) {
            if (m.target != name + ".weight") {
                continue;
            }
            for (int64_t t = 0; t < n; ++t) {
                for (int32_t r = 0; r < set->rank; ++r) {
                    double ax = 0.0;
                    for (int64_t i = 0; i < n_in; ++i) {
                        ax += double(m.a[r * n_in + i]) * x[t * n_in + i];
                    }
                    for (int64_t o = 0; o < n_out; ++o) {
                        y[t * n_out + o] += double(set->scale) * m.b[o * set->rank + r] * ax;
                    }
                }
            }
        }
    }
    return y;
}

// Normalises each run of `size` values.
std::vector<double> reference_model::norm(const std::vector<double> & x, const std::string & name,
                                          int64_t size) const {
    const auto &        w = tensor(name + ".weight");
    std::vector<double> y(x.size());
    for (size_t begin = 0; begin < x.size(); begin += size) {
        double mean = 0.0, sum = 0.0;
        for (int64_t i = 0; layer_norm && i < size; ++i) {
            mean += x[begin + i] / double(size);
        }
        for (int64_t i = 0; i < size; ++i) {
            sum += (x[begin + i] - mean) * (x[begin + i] - mean);
        }
        const double inv = 1.0 / std::sqrt(sum / double(size) + eps);
        for (int64_t i = 0; i < size; ++i) {
            y[begin + i] = (x[begin + i] - mean) * inv * w[i] + (layer_norm ? tensor(name + ".bias")[i] : 0.0);
        }
    }
    return y;
}

bool reference_model::is_local(int32_t layer) const {
    return window > 0 && (window_layers.empty() ? layer % window_every < window_every - 1 : window_layers[layer]);
}

// Local layers of Gemma 3 and OLMo have no scaling, Gemma's the base 10000.
void reference_model::rope(std::vector<double> & x, int32_t n_heads, const std::vector<int32_t> & pos, bool local) const {
    const double base  = local && arch == "gemma3" ? 10000.0 : rope_base;
    const double scale = local && (arch == "gemma3" || arch == "olmo2") ? 1.0 : rope_scale;
    for (size_t t = 0; t < pos.size(); ++t) {
        for (int32_t h = 0; h < n_heads; ++h) {
            double * v = x.data() + (t * n_heads + h) * head_dim;
            for (int32_t i = 0; i < n_rot / 2; ++i) {
                const double factor = has_tensor("rope_freqs.weight") ? tensor("rope_freqs.weight")[i] : 1.0;
                const double theta  = pos[t] * std::pow(base, -2.0 * i / n_rot) / factor * scale;
                double &     a      = neox ? v[i] : v[2 * i];
                double &     b      = neox ? v[i + n_rot / 2] : v[2 * i + 1];
                const double a0     = a;
                const double b0     = b;

                a = a0 * std::cos(theta) - b0 * std::sin(theta);
                b = a0 * std::sin(theta) + b0 * std::cos(theta);
            }
        }
    }
}

} // namespace magnet::testing
