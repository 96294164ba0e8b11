#include "hparams.h"

#include "base/error.h"

#include "gguf.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <iterator>

namespace magnet::fused {

void bad_file(const std::string & path, const std::string & what) {
    throw error(MAGNET_STATUS_BAD_FILE, path + ": " + what);
}

void unsupported(const std::string & what) {
    throw error(MAGNET_STATUS_UNSUPPORTED, "the fused engine does not cover " + what);
}

namespace {

// What the files of a family leave unsaid. Upstream: llama_model_rope_type() and src/models/<name>.cpp.
struct family {
    const char * name;
    activation   act;
    bool         rope_pairs;
    bool         rope_factors;      // may carry rope_freqs.weight
    bool         scales_embeddings; // by sqrt(n_embd)
    bool         multipliers;       // of embeddings, residuals, scores and logits stand in the metadata
    float        score_cap;         // where the metadata names none; 0 = none, -1 = nor is the metadata asked
    float        logit_cap;
    int32_t      window_every;      // of so many layers all but the last have a window; 0 = none has
    int32_t      window;            // where the metadata names none; 0 = none
    float        local_rope_base;   // of layers with a window, which have no scaling either; 0 = all as the others, -1 = the
                                    // same base
    int32_t      no_rope_every;     // of so many layers the last has no rotary embedding; 0 = all have one
    int32_t      deep;              // models of so many layers scale scores by n_embd / n_head, not by head_dim
};

constexpr auto silu = activation::silu;
constexpr auto gelu = activation::gelu_tanh;

constexpr family families[] = {
    // rotary pairs, factors; embeddings, multipliers; caps; windows; without rotation, deep
    { "llama",   silu, true,  true,  false, false, -1.0f, -1.0f, 0, 0,    0.0f,     0, 0  },
    { "granite", silu, true,  true,  false, true,  -1.0f, -1.0f, 0, 0,    0.0f,     0, 0  },
    { "smollm3", silu, true,  false, false, false, -1.0f, -1.0f, 0, 0,    0.0f,     4, 0  },
    { "qwen2",   silu, false, false, false, false, -1.0f, -1.0f, 0, 0,    0.0f,     0, 0  },
    { "qwen3",   silu, false, false, false, false, -1.0f, -1.0f, 0, 0,    0.0f,     0, 0  },
    { "phi3",    silu, false, false, false, false, -1.0f, -1.0f, 0, 0,    0.0f,     0, 0  },
    { "olmo2",   silu, false, false, false, false, -1.0f, -1.0f, 4, 0,    -1.0f,    0, 0  },
    { "gemma",   gelu, false, false, true,  false, -1.0f, -1.0f, 0, 0,    0.0f,     0, 0  },
    { "gemma2",  gelu, false, false, true,  false, 50.0f, 30.0f, 2, 4096, 0.0f,     0, 46 },
    { "gemma3",  gelu, false, false, true,  false, -1.0f, 0.0f,  6, 0,    10000.0f, 0, 62 },
};

class metadata {
public:
    metadata(const gguf_context * meta, const std::string & path) : meta(meta), path(path) {
        arch                  = str("general.architecture", "");
        const auto * const it = std::find_if(std::begin(families), std::end(families),
                                             [&](const family & f) { return arch == f.name; });
        if (it == std::end(families)) {
            unsupported("architecture \"" + arch + "\"");
        }
        kind = it;
    }

    std::string name(const std::string & key) const { return arch + "." + key; }

    bool has(const std::string & key) const { return gguf_find_key(meta, name(key).c_str()) >= 0; }

    // Of the architecture, as all below. May be 0, or be missing.
    uint32_t u32(const std::string & key, uint32_t otherwise) const {
        const int64_t id = gguf_find_key(meta, name(key).c_str());
        if (id >= 0 && gguf_get_kv_type(meta, id) == GGUF_TYPE_ARRAY) {
            unsupported("layers of different shape (" + name(key) + " is a list)");
        }
        return find(name(key), "u32", { GGUF_TYPE_UINT32, GGUF_TYPE_INT32 }) < 0 ? otherwise
               : gguf_get_kv_type(meta, id) == GGUF_TYPE_UINT32 ? gguf_get_val_u32(meta, id)
                                                                : uint32_t(gguf_get_val_i32(meta, id));
    }

    // Between 1 and 2^30.
    int32_t count(const std::string & key) const { return checked(key, u32(key, 0)); }
    int32_t count(const std::string & key, int32_t otherwise) const { return checked(key, u32(key, uint32_t(otherwise))); }

    float f32(const std::string & key, float otherwise) const {
        const int64_t id = find(name(key), "f32", { GGUF_TYPE_FLOAT32 });
        return id < 0 ? otherwise : gguf_get_val_f32(meta, id);
    }

    bool flag(const std::string & key, bool otherwise) const {
        const int64_t id = find(name(key), "bool", { GGUF_TYPE_BOOL });
        return id < 0 ? otherwise : gguf_get_val_bool(meta, id);
    }

    std::string text(const std::string & key, const std::string & otherwise) const { return str(name(key), otherwise); }

    // One value a layer; empty where there is no such list.
    std::vector<bool> flags(const std::string & key, int32_t n) const {
        const int64_t id = gguf_find_key(meta, name(key).c_str());
        if (id < 0 || gguf_get_kv_type(meta, id) != GGUF_TYPE_ARRAY) {
            return {};
        }
        const gguf_type type = gguf_get_arr_type(meta, id);
        const bool      wide = type == GGUF_TYPE_UINT32 || type == GGUF_TYPE_INT32;
        if ((!wide && type != GGUF_TYPE_BOOL) || gguf_get_arr_n(meta, id) != size_t(n)) {
            bad_file(path, name(key) + " is no list of " + std::to_string(n) + " flags, one a layer");
        }
        const void *      data = gguf_get_arr_data(meta, id);
        std::vector<bool> all;
        for (int32_t i = 0; i < n; ++i) {
            all.push_back(wide ? static_cast<const uint32_t *>(data)[i] != 0 : static_cast<const int8_t *>(data)[i] != 0);
        }
        return all;
    }

    std::string    arch;
    const family * kind = nullptr;

private:
    std::string str(const std::string & key, const std::string & otherwise) const {
        const int64_t id = find(key, "string", { GGUF_TYPE_STRING });
        return id < 0 ? otherwise : gguf_get_val_str(meta, id);
    }

    int64_t find(const std::string & key, const char * type_name, std::initializer_list<int> types) const {
        const int64_t id = gguf_find_key(meta, key.c_str());
        if (id >= 0 && std::find(types.begin(), types.end(), gguf_get_kv_type(meta, id)) == types.end()) {
            bad_file(path, key + " is " + gguf_type_name(gguf_get_kv_type(meta, id)) + ", expected " + type_name);
        }
        return id;
    }

    int32_t checked(const std::string & key, uint32_t value) const {
        if (value == 0 || value > (1u << 30)) {
            bad_file(path, name(key) + " is missing or out of range");
        }
        return int32_t(value);
    }

    const gguf_context * meta;
    const std::string    path;
};

void read_sizes(hparams & hp, const metadata & of, const std::string & path) {
    if (of.u32("expert_count", 0) > 0) {
        unsupported("mixtures of experts (" + of.name("expert_count") + ")");
    }
    hp.n_embd      = of.count("embedding_length");
    hp.n_layer     = of.count("block_count");
    if (hp.n_layer > 4096) { // before there is a description of each; llama.cpp reads fewer
        bad_file(path, of.name("block_count") + " is out of range");
    }
    hp.n_ff        = of.count("feed_forward_length");
    hp.n_head      = of.count("attention.head_count");
    hp.n_head_kv   = of.count("attention.head_count_kv", hp.n_head);
    hp.head_dim    = of.count("attention.key_length", std::max(hp.n_embd / hp.n_head, 1));
    hp.n_rot       = of.count("rope.dimension_count", hp.head_dim);
    hp.n_ctx_train = of.count("context_length");
    hp.eps         = of.f32("attention.layer_norm_rms_epsilon", 1e-5f);

    if (of.u32("embedding_length_out", uint32_t(hp.n_embd)) != uint32_t(hp.n_embd)) {
        unsupported("vectors of another width than the model's own (" + of.name("embedding_length_out") + ")");
    }
    if (of.u32("attention.value_length", uint32_t(hp.n_embd / hp.n_head)) != uint32_t(hp.head_dim)) {
        unsupported("values of another size than keys (" + of.name("attention.value_length") + ")");
    }
    for (const char * key : { "attention.key_length_swa", "attention.value_length_swa" }) {
        if (of.u32(key, uint32_t(hp.head_dim)) != uint32_t(hp.head_dim)) {
            unsupported("layers of different shape (" + of.name(key) + ")");
        }
    }
    if (hp.n_head_kv < 1 || hp.n_head % hp.n_head_kv != 0 || hp.head_dim < 2 || hp.head_dim % 2 != 0 ||
        hp.n_rot < 2 || hp.n_rot % 2 != 0 || hp.n_rot > hp.head_dim) {
        bad_file(path, "inconsistent attention shape: " + std::to_string(hp.n_head) + " heads, " +
                           std::to_string(hp.n_head_kv) + " for keys, of size " + std::to_string(hp.head_dim) +
                           ", of which " + std::to_string(hp.n_rot) + " are rotated");
    }
}

void read_scales(hparams & hp, const metadata & of) {
    const float head    = of.kind->deep == hp.n_layer ? float(hp.n_embd / hp.n_head) : float(hp.head_dim);
    hp.attention_scale  = 1.0f / std::sqrt(head);
    hp.embd_scale       = of.kind->scales_embeddings ? std::sqrt(float(hp.n_embd)) : 1.0f;
    if (of.kind->score_cap >= 0.0f) {
        hp.attention_cap = of.f32("attn_logit_softcapping", of.kind->score_cap);
    }
    if (of.kind->logit_cap >= 0.0f) {
        hp.logit_cap = of.f32("final_logit_softcapping", of.kind->logit_cap);
    }
    if (of.kind->multipliers) { // 0 = none
        const auto multiplier = [&](const char * key, float none) {
            const float value = of.f32(key, 0.0f);
            return value == 0.0f ? none : value;
        };
        hp.attention_scale = multiplier("attention.scale", hp.attention_scale);
        hp.embd_scale      = multiplier("embedding_scale", 1.0f);
        hp.residual_scale  = multiplier("residual_scale", 1.0f);
        hp.logit_scale     = 1.0f / multiplier("logit_scale", 1.0f);
    }
}

void read_layers(hparams & hp, const metadata & of, const std::string & path) {
    const family & kind   = *of.kind;
    const int64_t  window = kind.window_every > 0 ? of.u32("attention.sliding_window", uint32_t(kind.window)) : 0;
    if (window > INT32_MAX) {
        bad_file(path, of.name("attention.sliding_window") + " is out of range");
    }
    std::vector<bool> local = of.flags("attention.sliding_window_pattern", hp.n_layer);
    if (local.empty()) {
        const int64_t every = window > 0 && of.has("attention.sliding_window_pattern")
                                  ? of.u32("attention.sliding_window_pattern", 0)
                                  : kind.window_every;
        for (int32_t l = 0; l < hp.n_layer; ++l) {
            local.push_back(every == 0 || l % every < every - 1);
        }
    }
    const bool rotates = !kind.multipliers || of.flag("rope.scaling.finetuned", true);
    for (int32_t l = 0; l < hp.n_layer; ++l) {
        layer_params p;
        p.window = window > 0 && local[l] ? int32_t(window) : 0;
        p.rope   = p.window > 0 ? int32_t(hp.ropes.size()) - 1 : 0;
        if (!rotates || (kind.no_rope_every > 0 && (l + 1) % kind.no_rope_every == 0)) {
            p.rope = -1;
        }
        hp.layers.push_back(p);
    }
}

// The first of all layers, or of those without a window where these have one of their own.
void read_ropes(hparams & hp, const metadata & of) {
    const std::string type = of.text("rope.scaling.type", "linear");
    if (type != "linear" && type != "none") {
        unsupported("rotary scaling of type \"" + type + "\"");
    }
    if (of.f32("rope.scaling.attn_factor", 1.0f) != 1.0f) {
        unsupported("a rotary attention factor (" + of.name("rope.scaling.attn_factor") + ")");
    }
    if (of.u32("rope.dimension_count_swa", uint32_t(hp.n_rot)) != uint32_t(hp.n_rot)) {
        unsupported("layers of different shape (" + of.name("rope.dimension_count_swa") + ")");
    }
    const float factor = of.f32("rope.scaling.factor", of.f32("rope.scale_linear", 0.0f));
    rope_params rope;
    rope.base    = of.f32("rope.freq_base", 10000.0f);
    rope.scale   = factor == 0.0f || type == "none" ? 1.0f : 1.0f / factor;
    rope.factors = of.kind->rope_factors;
    hp.ropes     = { rope };
    if (of.kind->window_every > 0) {
        const float base = of.kind->local_rope_base;
        rope_params local = rope;
        local.base        = of.f32("rope.freq_base_swa", base > 0.0f ? base : rope.base);
        local.scale       = base == 0.0f ? rope.scale : 1.0f;
        hp.ropes.push_back(local);
    }
}

} // namespace

hparams read_hparams(const gguf_context * meta, const std::string & path) {
    const metadata of(meta, path);
    hparams        hp;
    hp.arch       = of.arch;
    hp.act        = of.kind->act;
    hp.rope_pairs = of.kind->rope_pairs;
    read_sizes(hp, of, path);
    read_scales(hp, of);
    read_ropes(hp, of);
    read_layers(hp, of, path);
    return hp;
}

} // namespace magnet::fused
