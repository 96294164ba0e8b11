#include "weights.h"

#include "quantised-matrix.h"
#include "stored-weights.h"

#include "engine/engine.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

namespace magnet::fused {

namespace {

// Row i of a head in rotary-halves order, as an index into the file's order of pairs.
std::vector<int32_t> halves_order(int32_t n_rows, int32_t head_dim, int32_t n_rot) {
    std::vector<int32_t> order(n_rows);
    for (int32_t i = 0; i < n_rows; ++i) {
        const int32_t base = i / head_dim * head_dim;
        const int32_t c    = i % head_dim;
        const int32_t half = n_rot / 2;
        order[i]           = base + (c >= n_rot ? c : c < half ? 2 * c : 2 * (c - half) + 1);
    }
    return order;
}

} // namespace

template <class T>
rounded_matrix<T>::rounded_matrix(const float * w, int32_t n_out, int32_t n_in, const kernel_table<T> & kernels)
    : kernels(kernels), n_out(n_out), n_in(n_in), ld(round_up(n_in, 2)), data((n_out + row_slack) * ld) {
    kernels.convert(w, n_in, n_out, n_in, data.data(), ld);
}

template <class T>
void rounded_matrix<T>::pack_forward(T * out) const {
    kernels.pack_transposed(data.data(), ld, n_in, n_out, out);
}

template <class T>
void rounded_matrix<T>::pack_backward(packed<T> & out) const {
    kernels.pack(data.data(), ld, n_out, n_in, out.data.data());
}

void transpose_columns(const packed<float> & w, int32_t first, int32_t n, float * out) {
    for (int32_t j = 0; j < n; ++j) {
        const float * from = w.data.data() + (first + j) / panel_width * panel_size(w.k) + (first + j) % panel_width;
        for (int32_t k = 0; k < w.k; ++k) {
            out[k / panel_width * panel_size(n) + int64_t(j) * panel_width + k % panel_width] = from[int64_t(k) * panel_width];
        }
    }
}

// Pairs (k, k + 1) of columns n and n + 1, which lie side by side, become (n, n + 1) of columns k and k + 1.
void transpose_columns(const packed<bf16> & w, int32_t first, int32_t n, bf16 * out) {
    constexpr int32_t half       = panel_width / 2;
    const int64_t     from_panel = panel_size(w.k);
    const int64_t     to_panel   = panel_size(n);
    const bf16 *      from       = w.data.data() + first / panel_width * from_panel;
    for (int32_t j = 0; j * panel_width < n; ++j) {
        for (int32_t p = 0; 2 * p < w.k; ++p) {
            const bf16 * pairs = from + j * from_panel + int64_t(p) * 2 * panel_width;
            bf16 *       block = out + p / half * to_panel + int64_t(j) * panel_width * panel_width + p % half * 4;
            for (int32_t q = 0; q < half; ++q) {
                uint64_t both;
                std::memcpy(&both, pairs + 4 * q, sizeof(both));
                both = (both & 0xffff00000000ffff) | (both >> 16 & 0xffff0000) | (both & 0xffff0000) << 16;
                std::memcpy(block + int64_t(q) * 2 * panel_width, &both, sizeof(both));
            }
        }
    }
}

template <class T>
void weights<T>::copy_matrix(const model_file & file, linear<T> & to) const {
    std::vector<float> w = file.read(to.target);
    if (!to.row_order.empty()) {
        std::vector<float> ordered(int64_t(to.n_out) * to.n_in);
        for (int32_t r = 0; r < to.n_out; ++r) {
            const float * from = w.data() + int64_t(to.row_order[r]) * to.n_in;
            std::copy(from, from + to.n_in, ordered.data() + int64_t(r) * to.n_in);
        }
        w = std::move(ordered);
    }
    if (!to.column_scale.empty()) {
        for (int32_t r = 0; r < to.n_out; ++r) {
            for (int32_t c = 0; c < to.n_in; ++c) {
                w[int64_t(r) * to.n_in + c] *= to.column_scale[c];
            }
        }
    }
    to.forward = packed<T>(to.n_in, to.n_out);
    rounded_matrix<T>(w.data(), to.n_out, to.n_in, kernels).pack_forward(to.forward);
}

template <class T>
void weights<T>::load_matrix(const model_file & file, int32_t l, matrix m, bool copy) {
    const matrix_place place = file.place_of(l, m);
    const std::string  name  = place.tensor;
    linear<T> &        to    = layers[l].matrices[m];

    to.target       = name + ".weight";
    to.target_index = place.target;
    to.target_rows  = place.n_rows;
    to.n_out        = place.n_out;
    to.n_in         = place.n_in;
    if (hp.rope_pairs && (m == attn_q || m == attn_k)) {
        to.row_order = halves_order(to.n_out, hp.head_dim, hp.n_rot);
    } else if (place.n_out < place.n_rows) {
        to.row_order.resize(place.n_out);
        std::iota(to.row_order.begin(), to.row_order.end(), 0);
    }
    for (int32_t & row : to.row_order) {
        row += place.first;
    }
    if (hp.norm_before && m != attn_output && m != ffn_down) {
        to.column_scale = file.read("blk." + std::to_string(l) +
                                    (m == ffn_gate || m == ffn_up ? ".ffn_norm.weight" : ".attn_norm.weight"));
    }

    if (file.has(name + ".bias")) {
        const std::vector<float> bias = file.read(name + ".bias");
        to.bias                       = buffer<float>(round_up(to.n_out, panel_width));
        for (int32_t r = 0; r < to.n_out; ++r) {
            to.bias[r] = bias[to.row_order.empty() ? r : to.row_order[r]];
        }
    }
    if (copy || !quantised_format_of(file.type(to.target))) {
        copy_matrix(file, to);
    }
}

template <class T>
weights<T>::weights(const model_file & file, const kernel_table<T> & kernels, thread_pool & pool, bool copies)
    : hp(file.params()), layers(hp.n_layer), output_norm(file.read("output_norm.weight")),
      embeddings(file.read_raw("token_embd.weight")), kernels(kernels) {
    for (const rope_params & rope : hp.ropes) {
        const bool               divided = rope.factors && file.has("rope_freqs.weight");
        const std::vector<float> factors = divided ? file.read("rope_freqs.weight") : std::vector<float>(hp.n_rot / 2, 1.0f);
        frequencies.emplace_back();
        for (int32_t i = 0; i < hp.n_rot / 2; ++i) {
            frequencies.back().push_back(std::pow(double(rope.base), -2.0 * i / hp.n_rot) * rope.scale / factors[i]);
        }
    }
    parallel_for(pool, hp.n_layer * n_matrices,
                 [&](int32_t i) { load_matrix(file, i / n_matrices, matrix(i % n_matrices), copies); });
    for (int32_t l = 0; l < hp.n_layer; ++l) {
        load_norms(file, l);
    }
}

// Those that are not folded into matrices.
template <class T>
void weights<T>::load_norms(const model_file & file, int32_t l) {
    const auto load = [&](const char * part, const std::vector<int32_t> & order, buffer<float> & to) {
        const std::vector<float> w = file.read("blk." + std::to_string(l) + part);
        to                         = buffer<float>(int64_t(w.size()));
        for (size_t i = 0; i < w.size(); ++i) {
            to[i] = w[order.empty() ? i : size_t(order[i])];
        }
    };
    if (hp.qk_norm != head_norm::none) {
        const auto order = [&](int32_t n_heads) {
            const int32_t n = (hp.qk_norm == head_norm::all ? n_heads : 1) * hp.head_dim;
            return hp.rope_pairs ? halves_order(n, hp.head_dim, hp.n_rot) : std::vector<int32_t>();
        };
        load(".attn_q_norm.weight", order(hp.n_head), layers[l].q_norm);
        load(".attn_k_norm.weight", order(hp.n_head_kv), layers[l].k_norm);
    }
    if (hp.norm_after) {
        load(".post_attention_norm.weight", {}, layers[l].attn_after);
        load(".post_ffw_norm.weight", {}, layers[l].ffn_after);
    }
}

template <class T>
void weights<T>::use_stored(const stored_weights & stored) {
    for (int32_t i = 0; i < hp.n_layer * n_matrices; ++i) {
        linear<T> & to = layers[i / n_matrices].matrices[i % n_matrices];
        if (to.forward.data.size() == 0) {
            to.quantised              = stored.of(i / n_matrices, matrix(i % n_matrices)).packed->source();
            to.quantised.column_scale = to.column_scale.empty() ? nullptr : to.column_scale.data();
        }
    }
}

template <class T>
void weights<T>::prepare_backward(thread_pool & pool) {
    for (const layer<T> & l : layers) {
        for (const linear<T> & m : l.matrices) {
            if (m.quantised.data != nullptr) {
                throw error(MAGNET_STATUS_UNSUPPORTED, "training needs copies of the weights; load the model with them");
            }
        }
    }
    backward_ready([&] {
        parallel_for(pool, hp.n_layer * n_matrices, [&](int32_t i) {
            linear<T> & w = layers[i / n_matrices].matrices[i % n_matrices];
            w.backward    = transposed(w.forward);
        });
    });
}

fused_engine_memory memory_of_weights(const model_file & file) {
    const hparams &     hp         = file.params();
    const std::string   head       = hp.tied ? "token_embd.weight" : "output.weight";
    const int64_t       embeddings = file.n_bytes("token_embd.weight");
    fused_engine_memory memory     = { embeddings, embeddings };
    const auto          add        = [&](const std::string & name, int64_t n, int64_t of) { // n of its `of` rows
        const int64_t copy   = file.n_elements(name) / of * n * int64_t(sizeof(bf16));
        const int64_t bytes  = file.n_bytes(name) / of * n;
        const bool    packed = quantised_format_of(file.type(name)).has_value();
        memory.copied += copy + (packed ? bytes : 0); // tokens one by one go through the stored rows
        memory.stored += packed ? bytes : copy;
    };
    for (int32_t i = 0; i < hp.n_layer * n_matrices; ++i) {
        const matrix_place place = file.place_of(i / n_matrices, matrix(i % n_matrices));
        add(place.tensor + ".weight", place.n_out, place.n_rows);
    }
    add(head, 1, 1);
    return memory;
}

template <class T>
int64_t weights<T>::bytes() const {
    int64_t n = int64_t(embeddings.data.size());
    for (const layer<T> & l : layers) {
        for (const linear<T> & m : l.matrices) {
            n += m.forward.data.bytes() + m.backward.data.bytes();
        }
    }
    return n;
}

template <class T>
head_layout weights<T>::heads(int32_t l) const {
    head_layout h;
    h.n_head    = hp.n_head;
    h.n_head_kv = hp.n_head_kv;
    h.head_dim  = hp.head_dim;
    h.n_rot     = hp.layers[l].rope < 0 ? 0 : hp.n_rot;
    h.scale     = hp.attention_scale;
    h.cap       = hp.attention_cap;
    h.eps       = hp.eps;
    h.q_norm    = layers[l].q_norm.data();
    h.k_norm    = layers[l].k_norm.data();
    h.norm_all  = hp.qk_norm == head_norm::all;
    return h;
}

template <class T>
void weights<T>::embed(int32_t token, float * x) const {
    embeddings.widen(token, x);
    for (int32_t i = 0; hp.embd_scale != 1.0f && i < hp.n_embd; ++i) {
        x[i] *= hp.embd_scale;
    }
}

template <class T>
residual_args<T> weights<T>::residual(int32_t l, matrix m) const {
    residual_args<T> r;
    r.d     = hp.n_embd;
    r.w     = (m == attn_output ? layers[l].attn_after : layers[l].ffn_after).data();
    r.eps   = hp.eps;
    r.scale = hp.residual_scale;
    return r;
}

template class rounded_matrix<bf16>;
template class rounded_matrix<float>;
template class weights<bf16>;
template class weights<float>;

} // namespace magnet::fused

namespace magnet {

bool fused_engine_adapts(const std::string & tensor) {
    const size_t part = tensor.compare(0, 4, "blk.") == 0 ? tensor.find('.', 4) : std::string::npos;
    const char * const names[] = { "attn_q",   "attn_k", "attn_v", "attn_qkv", "attn_output",
                                   "ffn_gate", "ffn_up", "ffn_down" };
    return part != std::string::npos && std::any_of(std::begin(names), std::end(names), [&](const char * name) {
               return tensor.compare(part + 1, std::string::npos, std::string(name) + ".weight") == 0;
           });
}

} // namespace magnet
