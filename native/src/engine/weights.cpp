#include "weights.h"

#include <cmath>

namespace magnet::fused {

namespace {

// Where element (k, n) of a packed matrix lies: bf16 interleaves two rows, float does not.
template <class T>
int64_t packed_index(int64_t k_total, int64_t k, int64_t n) {
    const int64_t panel = n / panel_width * panel_size(k_total);
    if (sizeof(T) == sizeof(float)) {
        return panel + k * panel_width + n % panel_width;
    }
    return panel + k / 2 * 2 * panel_width + n % panel_width * 2 + k % 2;
}

const char * const names[n_matrices] = { "attn_q",   "attn_k", "attn_v",  "attn_output",
                                         "ffn_gate", "ffn_up", "ffn_down" };

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

// The hot loops run along a panel's own memory.
template <class T>
void pack_weights(const float * w, packed<T> & out) {
    constexpr int32_t pair = sizeof(T) == sizeof(float) ? 1 : 2;
    for (int32_t j = 0; j * panel_width < out.n; ++j) {
        T *           panel = out.data.data() + j * panel_size(out.k);
        const int32_t cols  = std::min(panel_width, out.n - j * panel_width);
        for (int32_t c = 0; c < cols; ++c) {
            const float * row = w + int64_t(j * panel_width + c) * out.k;
            for (int32_t k = 0; k < out.k; ++k) {
                from_float(row[k], panel[k / pair * pair * panel_width + c * pair + k % pair]);
            }
        }
    }
}

template <class T>
void pack_weights_transposed(const float * w, packed<T> & out) {
    constexpr int32_t pair = sizeof(T) == sizeof(float) ? 1 : 2;
    for (int32_t j = 0; j * panel_width < out.n; ++j) {
        T *           panel = out.data.data() + j * panel_size(out.k);
        const int32_t cols  = std::min(panel_width, out.n - j * panel_width);
        for (int32_t k = 0; k < out.k; ++k) {
            const float * row = w + int64_t(k) * out.n + j * panel_width;
            T *           to  = panel + k / pair * pair * panel_width + k % pair;
            for (int32_t c = 0; c < cols; ++c) {
                from_float(row[c], to[c * pair]);
            }
        }
    }
}

template <class T>
packed<T> transposed(const packed<T> & w) {
    packed<T> out(w.n, w.k);
    for (int32_t k = 0; k < w.n; ++k) {
        for (int32_t n = 0; n < w.k; ++n) {
            out.data[packed_index<T>(out.k, k, n)] = w.data[packed_index<T>(w.k, n, k)];
        }
    }
    return out;
}

template void          pack_weights(const float *, packed<bf16> &);
template void          pack_weights(const float *, packed<float> &);
template void          pack_weights_transposed(const float *, packed<bf16> &);
template void          pack_weights_transposed(const float *, packed<float> &);
template packed<bf16>  transposed(const packed<bf16> &);
template packed<float> transposed(const packed<float> &);

template <class T>
void weights<T>::load_matrix(const model_file & file, int32_t l, matrix m) {
    const std::string name = "blk." + std::to_string(l) + "." + names[m];
    linear<T> &       to   = layers[l].matrices[m];
    const int32_t     q    = hp.n_head * hp.head_dim;
    const int32_t     k    = hp.n_head_kv * hp.head_dim;
    const int32_t     outs[n_matrices] = { q, k, k, hp.n_embd, hp.n_ff, hp.n_ff, hp.n_embd };

    to.target = name + ".weight";
    to.n_out  = outs[m];
    to.n_in   = m == attn_output ? q : m == ffn_down ? hp.n_ff : hp.n_embd;
    if (hp.rope_pairs && (m == attn_q || m == attn_k)) {
        to.row_order = halves_order(to.n_out, hp.head_dim, hp.n_rot);
    }
    if (m != attn_output && m != ffn_down) {
        to.column_scale = file.read("blk." + std::to_string(l) +
                                    (m == ffn_gate || m == ffn_up ? ".ffn_norm.weight" : ".attn_norm.weight"));
    }

    std::vector<float> w = file.read(to.target);
    if (!to.row_order.empty()) {
        std::vector<float> ordered(w.size());
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
    pack_weights(w.data(), to.forward);

    if (file.has(name + ".bias")) {
        const std::vector<float> bias = file.read(name + ".bias");
        to.bias                       = buffer<float>(round_up(to.n_out, panel_width));
        for (int32_t r = 0; r < to.n_out; ++r) {
            to.bias[r] = bias[to.row_order.empty() ? r : to.row_order[r]];
        }
    }
}

template <class T>
weights<T>::weights(const model_file & file, thread_pool & pool)
    : hp(file.params()), layers(hp.n_layer), output_norm(file.read("output_norm.weight")),
      embeddings(file.read_raw("token_embd.weight")) {
    if (file.has("rope_freqs.weight")) {
        rope_factors = file.read("rope_freqs.weight");
    }
    parallel_for(pool, hp.n_layer * n_matrices,
                 [&](int32_t i) { load_matrix(file, i / n_matrices, matrix(i % n_matrices)); });
    if (file.has("blk.0.attn_q_norm.weight")) {
        const std::vector<int32_t> order = halves_order(hp.head_dim, hp.head_dim, hp.n_rot);
        for (int32_t l = 0; l < hp.n_layer; ++l) {
            const std::string b = "blk." + std::to_string(l);
            for (const auto & [part, to] : { std::pair<const char *, buffer<float> *>{ ".attn_q_norm.weight",
                                                                                       &layers[l].q_norm },
                                             { ".attn_k_norm.weight", &layers[l].k_norm } }) {
                const std::vector<float> w = file.read(b + part);
                *to                        = buffer<float>(hp.head_dim);
                for (int32_t i = 0; i < hp.head_dim; ++i) {
                    (*to)[i] = w[hp.rope_pairs ? order[i] : i];
                }
            }
        }
    }
}

template <class T>
void weights<T>::prepare_backward(thread_pool & pool) {
    if (backward_ready) {
        return;
    }
    parallel_for(pool, hp.n_layer * n_matrices, [&](int32_t i) {
        linear<T> & w = layers[i / n_matrices].matrices[i % n_matrices];
        w.backward    = transposed(w.forward);
    });
    backward_ready = true;
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
    h.n_rot     = hp.n_rot;
    h.scale     = 1.0f / std::sqrt(float(hp.head_dim));
    h.eps       = hp.eps;
    h.q_norm    = layers[l].q_norm.data();
    h.k_norm    = layers[l].k_norm.data();
    return h;
}

template class weights<bf16>;
template class weights<float>;

} // namespace magnet::fused
