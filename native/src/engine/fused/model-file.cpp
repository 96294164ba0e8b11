#include "model-file.h"

#include "base/error.h"

#include "ggml.h"
#include "gguf.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <set>

namespace magnet::fused {

namespace {

[[noreturn]] void bad_file(const std::string & path, const std::string & what) {
    throw error(MAGNET_STATUS_BAD_FILE, path + ": " + what);
}

[[noreturn]] void unsupported(const std::string & what) {
    throw error(MAGNET_STATUS_UNSUPPORTED, "the fused engine does not cover " + what);
}

void widen_values(int32_t type, const void * data, float * out, int64_t n) {
    if (type == GGML_TYPE_F32) {
        std::memcpy(out, data, n * sizeof(float));
    } else {
        ggml_get_type_traits(static_cast<ggml_type>(type))->to_float(data, out, n);
    }
}

struct architecture {
    const char * name;
    bool         rope_pairs;
    activation   act;
    bool         scales_embeddings; // by sqrt(n_embd)
    bool         rope_factors;      // may carry rope_freqs.weight
};

// Upstream: llama_model_rope_type() and src/models/<name>.cpp.
constexpr architecture architectures[] = {
    { "llama", true, activation::silu, false, true },
    { "qwen2", false, activation::silu, false, false },
    { "qwen3", false, activation::silu, false, false },
    { "gemma", false, activation::gelu_tanh, true, false },
};

} // namespace

model_file::model_file(const std::string & path) : path(path), meta(nullptr, gguf_free) {
    if (!std::ifstream(path, std::ios::binary)) {
        throw error(MAGNET_STATUS_IO, "cannot open " + path + ": " + std::strerror(errno));
    }
    meta.reset(gguf_init_from_file(path.c_str(), { /*no_alloc =*/ true, nullptr }));
    if (meta == nullptr) {
        bad_file(path, "not a GGUF file, or cut short");
    }
    check_arch();
    check_rope();
    check_tensors();
}

model_file::~model_file() = default;

int64_t model_file::key(const std::string & name, const char * type_name, std::initializer_list<int> types) const {
    const int64_t id = gguf_find_key(meta.get(), name.c_str());
    if (id >= 0 && std::find(types.begin(), types.end(), gguf_get_kv_type(meta.get(), id)) == types.end()) {
        bad_file(path, name + " is " + gguf_type_name(gguf_get_kv_type(meta.get(), id)) + ", expected " + type_name);
    }
    return id;
}

uint32_t model_file::u32(const std::string & name, uint32_t otherwise) const {
    const int64_t id = gguf_find_key(meta.get(), name.c_str());
    if (id >= 0 && gguf_get_kv_type(meta.get(), id) == GGUF_TYPE_ARRAY) {
        unsupported("layers of different shape (" + name + " is a list)");
    }
    return key(name, "u32", { GGUF_TYPE_UINT32, GGUF_TYPE_INT32 }) < 0
               ? otherwise
               : gguf_get_kv_type(meta.get(), id) == GGUF_TYPE_UINT32 ? gguf_get_val_u32(meta.get(), id)
                                                                      : uint32_t(gguf_get_val_i32(meta.get(), id));
}

uint32_t model_file::u32(const std::string & name) const {
    const uint32_t value = u32(name, 0);
    if (value == 0 || value > (1u << 30)) {
        bad_file(path, name + " is missing or out of range");
    }
    return value;
}

float model_file::f32(const std::string & name, float otherwise) const {
    const int64_t id = key(name, "f32", { GGUF_TYPE_FLOAT32 });
    return id < 0 ? otherwise : gguf_get_val_f32(meta.get(), id);
}

std::string model_file::str(const std::string & name, const std::string & otherwise) const {
    const int64_t id = key(name, "string", { GGUF_TYPE_STRING });
    return id < 0 ? otherwise : gguf_get_val_str(meta.get(), id);
}

void model_file::check_arch() {
    hp.arch               = str("general.architecture", "");
    const auto * const it = std::find_if(std::begin(architectures), std::end(architectures),
                                         [&](const architecture & a) { return hp.arch == a.name; });
    if (it == std::end(architectures)) {
        unsupported("architecture \"" + hp.arch + "\"");
    }
    const std::string p = hp.arch + ".";
    if (u32(p + "expert_count", 0) > 0) {
        unsupported("mixtures of experts (" + p + "expert_count)");
    }
    hp.n_embd      = int32_t(u32(p + "embedding_length"));
    hp.n_layer     = int32_t(u32(p + "block_count"));
    hp.n_ff        = int32_t(u32(p + "feed_forward_length"));
    hp.n_head      = int32_t(u32(p + "attention.head_count"));
    hp.n_head_kv   = int32_t(u32(p + "attention.head_count_kv", uint32_t(hp.n_head)));
    hp.head_dim    = int32_t(u32(p + "attention.key_length", uint32_t(hp.n_embd / hp.n_head)));
    hp.n_rot       = int32_t(u32(p + "rope.dimension_count", uint32_t(hp.head_dim)));
    hp.n_ctx_train = int32_t(u32(p + "context_length"));
    hp.eps         = f32(p + "attention.layer_norm_rms_epsilon", 1e-5f);
    hp.act         = it->act;
    hp.rope_pairs  = it->rope_pairs;
    hp.embd_scale  = it->scales_embeddings ? std::sqrt(float(hp.n_embd)) : 1.0f;

    if (u32(p + "attention.value_length", uint32_t(hp.n_embd / hp.n_head)) != uint32_t(hp.head_dim)) {
        unsupported("values of another size than keys (" + p + "attention.value_length)");
    }
    if (hp.n_head_kv < 1 || hp.n_head % hp.n_head_kv != 0 || hp.head_dim < 2 || hp.head_dim % 2 != 0 ||
        hp.n_rot < 2 || hp.n_rot % 2 != 0 || hp.n_rot > hp.head_dim) {
        bad_file(path, "inconsistent attention shape: " + std::to_string(hp.n_head) + " heads, " +
                           std::to_string(hp.n_head_kv) + " for keys, of size " + std::to_string(hp.head_dim) +
                           ", of which " + std::to_string(hp.n_rot) + " are rotated");
    }
}

void model_file::check_rope() {
    const std::string p    = hp.arch + ".rope.";
    const std::string type = str(p + "scaling.type", "linear");
    if (type != "linear" && type != "none") {
        unsupported("rotary scaling of type \"" + type + "\"");
    }
    if (f32(p + "scaling.attn_factor", 1.0f) != 1.0f) {
        unsupported("a rotary attention factor (" + p + "scaling.attn_factor)");
    }
    hp.rope_base       = f32(p + "freq_base", 10000.0f);
    const float factor = f32(p + "scaling.factor", f32(p + "scale_linear", 0.0f));
    hp.rope_scale      = factor == 0.0f || type == "none" ? 1.0f : 1.0f / factor;
}

void model_file::check_shape(const std::string & name, int64_t n_in, int64_t n_out) const {
    const int64_t id = gguf_find_tensor(meta.get(), name.c_str());
    if (id < 0) {
        bad_file(path, "tensor " + name + " is missing");
    }
    const int64_t * ne = gguf_get_tensor_ne(meta.get(), id);
    if (ne[0] != n_in || ne[1] != n_out || ne[2] != 1 || ne[3] != 1) {
        bad_file(path, "tensor " + name + " is " + std::to_string(ne[0]) + " x " + std::to_string(ne[1]) +
                           ", expected " + std::to_string(n_in) + " x " + std::to_string(n_out));
    }
    const ggml_type type = gguf_get_tensor_type(meta.get(), id);
    if (type != GGML_TYPE_F32 && ggml_get_type_traits(type)->to_float == nullptr) {
        unsupported(std::string("tensors of type ") + ggml_type_name(type) + " (" + name + ")");
    }
}

void model_file::check_tensors() {
    const int64_t embd = gguf_find_tensor(meta.get(), "token_embd.weight");
    if (embd < 0) {
        bad_file(path, "tensor token_embd.weight is missing");
    }
    hp.n_vocab = static_cast<int32_t>(gguf_get_tensor_ne(meta.get(), embd)[1]);
    hp.tied    = !has("output.weight");

    std::set<std::string> known;
    const auto            need = [&](const std::string & name, int64_t n_in, int64_t n_out) {
        check_shape(name, n_in, n_out);
        known.insert(name);
    };
    const auto may_have = [&](const std::string & name, int64_t n) {
        if (has(name)) {
            need(name, n, 1);
        }
    };
    const int64_t d = hp.n_embd;
    const int64_t q = int64_t(hp.n_head) * hp.head_dim;
    const int64_t k = int64_t(hp.n_head_kv) * hp.head_dim;

    need("token_embd.weight", d, hp.n_vocab);
    need("output_norm.weight", d, 1);
    if (!hp.tied) {
        need("output.weight", d, hp.n_vocab);
    }
    for (const architecture & a : architectures) {
        if (hp.arch == a.name && a.rope_factors) {
            may_have("rope_freqs.weight", hp.n_rot / 2);
        }
    }
    for (int32_t l = 0; l < hp.n_layer; ++l) {
        const std::string b = "blk." + std::to_string(l) + ".";
        need(b + "attn_norm.weight", d, 1);
        need(b + "attn_q.weight", d, q);
        need(b + "attn_k.weight", d, k);
        need(b + "attn_v.weight", d, k);
        need(b + "attn_output.weight", q, d);
        need(b + "ffn_norm.weight", d, 1);
        need(b + "ffn_gate.weight", d, hp.n_ff);
        need(b + "ffn_up.weight", d, hp.n_ff);
        need(b + "ffn_down.weight", hp.n_ff, d);
        for (const auto & [part, n] : { std::pair<const char *, int64_t>{ "attn_q.bias", q }, { "attn_k.bias", k },
                                        { "attn_v.bias", k }, { "attn_output.bias", d }, { "ffn_gate.bias", hp.n_ff },
                                        { "ffn_up.bias", hp.n_ff }, { "ffn_down.bias", d } }) {
            may_have(b + part, n);
        }
        if (has(b + "attn_q_norm.weight") != has(b + "attn_k_norm.weight") ||
            has(b + "attn_q_norm.weight") != has("blk.0.attn_q_norm.weight")) {
            unsupported("norms of queries without norms of keys, or in some layers only");
        }
        may_have(b + "attn_q_norm.weight", hp.head_dim);
        may_have(b + "attn_k_norm.weight", hp.head_dim);
    }
    for (int64_t i = 0; i < gguf_get_n_tensors(meta.get()); ++i) {
        const char * name = gguf_get_tensor_name(meta.get(), i);
        if (known.count(name) == 0) {
            unsupported("tensor " + std::string(name) + " of this " + hp.arch + " model");
        }
    }
}

int32_t model_file::type(const std::string & name) const {
    return gguf_get_tensor_type(meta.get(), gguf_find_tensor(meta.get(), name.c_str()));
}

int64_t model_file::n_bytes(const std::string & name) const {
    return int64_t(gguf_get_tensor_size(meta.get(), gguf_find_tensor(meta.get(), name.c_str())));
}

int64_t model_file::n_elements(const std::string & name) const {
    const int64_t * ne = gguf_get_tensor_ne(meta.get(), gguf_find_tensor(meta.get(), name.c_str()));
    return ne[0] * ne[1] * ne[2] * ne[3];
}

bool model_file::has(const std::string & name) const { return gguf_find_tensor(meta.get(), name.c_str()) >= 0; }

std::vector<uint8_t> model_file::bytes_of(int64_t tensor) const {
    std::vector<uint8_t> bytes(gguf_get_tensor_size(meta.get(), tensor));
    std::ifstream        file(path, std::ios::binary);
    file.seekg(std::streamoff(gguf_get_data_offset(meta.get()) + gguf_get_tensor_offset(meta.get(), tensor)));
    if (!file.read(reinterpret_cast<char *>(bytes.data()), std::streamsize(bytes.size()))) {
        throw error(MAGNET_STATUS_IO,
                    path + ": cannot read tensor " + gguf_get_tensor_name(meta.get(), tensor) + "; is the file complete?");
    }
    return bytes;
}

std::vector<float> model_file::read(const std::string & name) const {
    const int64_t              id    = gguf_find_tensor(meta.get(), name.c_str());
    const std::vector<uint8_t> bytes = bytes_of(id);
    const int64_t *            ne    = gguf_get_tensor_ne(meta.get(), id);
    std::vector<float>         values(ne[0] * ne[1]);
    widen_values(gguf_get_tensor_type(meta.get(), id), bytes.data(), values.data(), int64_t(values.size()));
    return values;
}

model_file::raw_rows model_file::read_raw(const std::string & name) const {
    const int64_t id = gguf_find_tensor(meta.get(), name.c_str());
    raw_rows      rows;
    rows.data      = bytes_of(id);
    rows.n         = static_cast<int32_t>(gguf_get_tensor_ne(meta.get(), id)[0]);
    rows.type      = gguf_get_tensor_type(meta.get(), id);
    rows.row_bytes = static_cast<int64_t>(ggml_row_size(static_cast<ggml_type>(rows.type), rows.n));
    return rows;
}

void model_file::raw_rows::widen(int64_t row, float * out) const {
    widen_values(type, data.data() + row * row_bytes, out, n);
}

} // namespace magnet::fused
