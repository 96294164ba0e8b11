#include "model-file.h"

#include "base/error.h"
#include "base/path.h"

#include "ggml.h"
#include "gguf.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <set>
#include <utility>

namespace magnet::fused {

namespace {

void widen_values(int32_t type, const void * data, float * out, int64_t n) {
    if (type == GGML_TYPE_F32) {
        std::memcpy(out, data, n * sizeof(float));
    } else {
        ggml_get_type_traits(static_cast<ggml_type>(type))->to_float(data, out, n);
    }
}

} // namespace

model_file::model_file(const std::string & path) : path(path), meta(nullptr, gguf_free) {
    if (!std::ifstream(to_path(path), std::ios::binary)) {
        throw error(MAGNET_STATUS_IO, "cannot open " + path + ": " + std::strerror(errno));
    }
    meta.reset(gguf_init_from_file(path.c_str(), { /*no_alloc =*/ true, nullptr }));
    if (meta == nullptr) {
        bad_file(path, "not a GGUF file, or cut short");
    }
    hp = read_hparams(meta.get(), path);
    check_tensors();
}

model_file::~model_file() = default;

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
    if (hp.ropes[0].factors) {
        may_have("rope_freqs.weight", hp.n_rot / 2);
    }
    hp.joined_qkv  = has("blk.0.attn_qkv.weight");
    hp.joined_ffn  = has("blk.0.ffn_up.weight") && n_elements("blk.0.ffn_up.weight") == 2 * d * hp.n_ff;
    hp.norm_before = has("blk.0.attn_norm.weight");
    hp.norm_after  = has("blk.0.post_attention_norm.weight");
    hp.qk_norm     = !has("blk.0.attn_q_norm.weight")                              ? head_norm::none
                     : n_elements("blk.0.attn_q_norm.weight") == q && q != hp.head_dim ? head_norm::all
                                                                                       : head_norm::each;
    for (int32_t l = 0; l < hp.n_layer; ++l) {
        const std::string b = "blk." + std::to_string(l) + ".";
        for (int32_t m = 0; m < n_matrices; ++m) {
            const matrix_place place = place_of(l, matrix(m));
            need(place.tensor + ".weight", place.n_in, place.n_rows);
            may_have(place.tensor + ".bias", place.n_rows);
        }
        // a norm that one layer has all layers have: those that the first has not are not known below
        if (hp.norm_before || !hp.norm_after) {
            need(b + "attn_norm.weight", d, 1);
            need(b + "ffn_norm.weight", d, 1);
        }
        if (hp.norm_after) {
            need(b + "post_attention_norm.weight", d, 1);
            need(b + "post_ffw_norm.weight", d, 1);
        }
        if (hp.qk_norm != head_norm::none) {
            const bool all = hp.qk_norm == head_norm::all;
            need(b + "attn_q_norm.weight", all ? q : hp.head_dim, 1);
            need(b + "attn_k_norm.weight", all ? k : hp.head_dim, 1);
        }
    }
    for (int64_t i = 0; i < gguf_get_n_tensors(meta.get()); ++i) {
        const char * name = gguf_get_tensor_name(meta.get(), i);
        if (known.count(name) == 0) {
            unsupported("tensor " + std::string(name) + " of this " + hp.arch + " model");
        }
    }
}

matrix_place model_file::place_of(int32_t layer, matrix m) const {
    static const char * const names[n_matrices] = { "attn_q",   "attn_k", "attn_v",  "attn_output",
                                                    "ffn_gate", "ffn_up", "ffn_down" };
    const int32_t q = hp.n_head * hp.head_dim, k = hp.n_head_kv * hp.head_dim, f = hp.n_ff;
    const int32_t outs[n_matrices] = { q, k, k, hp.n_embd, f, f, hp.n_embd };
    const int32_t n_targets        = n_matrices - (hp.joined_qkv ? 2 : 0) - (hp.joined_ffn ? 1 : 0);
    const auto    skipped          = [&](int32_t i) { // of the matrices before i, those that are no target of their own
        return (hp.joined_qkv ? std::clamp(i, 0, 2) : 0) + (hp.joined_ffn && i > ffn_gate ? 1 : 0);
    };
    matrix_place place;
    place.tensor = names[m];
    place.n_in   = m == attn_output ? q : m == ffn_down ? f : hp.n_embd;
    place.n_out = place.n_rows = outs[m];
    place.target               = layer * n_targets + m - skipped(m);
    if (hp.joined_qkv && m <= attn_v) {
        place.tensor = "attn_qkv";
        place.first  = m == attn_q ? 0 : m == attn_k ? q : q + k;
        place.n_rows = q + 2 * k;
    } else if (hp.joined_ffn && (m == ffn_gate || m == ffn_up)) {
        place.tensor = "ffn_up";
        place.first  = m == ffn_gate ? 0 : f;
        place.n_rows = 2 * f;
    }
    place.tensor = "blk." + std::to_string(layer) + "." + place.tensor;
    return place;
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
    std::ifstream        file(to_path(path), std::ios::binary);
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
