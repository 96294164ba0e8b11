// The model's matrices, packed for the kernels: as copies in T, which are the fastest, or as the file stores them
// (stored-weights.h), which takes a third of the memory and less.
//
// Two changes on the way in, undone for nobody but LoRA (adapters.h): the weight of each RMSNorm is folded into the columns
// of the matrices that read it, and rows of queries and keys are reordered so that rotary pairs are (i, i + n_rot / 2)
// for every architecture.
#pragma once

#include "base/once.h"
#include "buffer.h"
#include "engine/engine.h"
#include "engine/threads.h"
#include "model-file.h"

#include <cstdint>
#include <string>
#include <vector>

namespace magnet::fused {

// A packed right-hand side [k, n].
template <class T>
struct packed {
    buffer<T> data;
    int32_t   k = 0;
    int32_t   n = 0;

    packed() = default;
    packed(int32_t k, int32_t n) : data(packed_size(k, n)), k(k), n(n) {}

    // The term A * this.
    product<T> times(const T * a, int64_t lda) const {
        product<T> p;
        p.a        = a;
        p.lda      = lda;
        p.b        = data.data();
        p.b_stride = panel_size(k);
        p.k        = k;
        return p;
    }
};

// The term A B of a matrix that there is a copy of, or rows as the file stores them.
template <class T>
product<T> times(const packed<T> & copy, const quantised_source & stored, const T * a, int64_t lda) {
    product<T> p = copy.times(a, lda);
    if (stored.data != nullptr) {
        p.k         = stored.n_in();
        p.quantised = stored;
    }
    return p;
}

// w [n_out, n_in] row-major, rounded to T, as the right-hand side of x W^T ([n_in, n_out]) and of dy W ([n_out, n_in]).
template <class T>
class rounded_matrix {
public:
    rounded_matrix(const float * w, int32_t n_out, int32_t n_in, const kernel_table<T> & kernels);

    void pack_forward(packed<T> & out) const { pack_forward(out.data.data()); }
    void pack_forward(T * out) const;
    void pack_backward(packed<T> & out) const;

private:
    const kernel_table<T> & kernels;
    const int32_t           n_out;
    const int32_t           n_in;
    const int64_t           ld;
    buffer<T>               data;
};

// Columns [first, first + n) of packed [w.k, w.n] -> packed [n, w.k], the same values; first is a multiple of panel_width.
void transpose_columns(const packed<bf16> & w, int32_t first, int32_t n, bf16 * out);
void transpose_columns(const packed<float> & w, int32_t first, int32_t n, float * out);

// All of them.
template <class T>
packed<T> transposed(const packed<T> & w) {
    packed<T> out(w.n, w.k);
    transpose_columns(w, 0, w.n, out.data.data());
    return out;
}

// y = W x + bias
template <class T>
struct linear {
    std::string          target;  // name of the tensor in the file that holds it, alone or joined with others
    int32_t              target_index = 0; // of those that adapters can change
    int32_t              target_rows  = 0;
    int32_t              n_in  = 0;
    int32_t              n_out = 0;
    packed<T>            forward;  // [n_in, n_out]
    packed<T>            backward; // [n_out, n_in]; empty until the model is trained
    quantised_source     quantised; // instead of `forward`, where there is no copy
    buffer<float>        bias;     // [n_out padded], or empty
    std::vector<float>   column_scale; // [n_in] folded into W, or empty
    std::vector<int32_t> row_order;    // row i here is row row_order[i] of the file, or empty

    // The term x W^T.
    product<T> times(const T * x, int64_t ldx) const { return fused::times(forward, quantised, x, ldx); }
};

template <class T>
struct layer {
    linear<T>     matrices[n_matrices];
    buffer<float> q_norm; // [head_dim], of all heads [n_head * head_dim], or empty
    buffer<float> k_norm;
    buffer<float> attn_after; // [n_embd] norms of what the two halves add to the residual stream, or empty
    buffer<float> ffn_after;
};

class stored_weights;

template <class T>
class weights {
public:
    // copies: of all matrices; without them of those alone whose type kernels cannot read, and use_stored() must bring the
    // others.
    weights(const model_file & file, const kernel_table<T> & kernels, thread_pool & pool, bool copies);

    // Matrices that there is no copy of, borrowed.
    void use_stored(const stored_weights & stored);

    // Builds the transposed matrices, once. Any thread. Throws magnet::error (UNSUPPORTED) without copies.
    void prepare_backward(thread_pool & pool);

    int64_t bytes() const;

    const hparams         hp;
    std::vector<layer<T>> layers;
    std::vector<float>    output_norm;  // [n_embd]
    model_file::raw_rows  embeddings;
    std::vector<std::vector<double>> frequencies; // [hp.ropes][n_rot / 2] angles of position 1

    head_layout heads(int32_t layer) const;

    // Row `token` of the embeddings as the first layer takes it.
    void embed(int32_t token, float * x) const;

    // The token's share of the work behind a matrix that adds to the residual stream; nothing but a sum if `adds_plainly`.
    bool             adds_plainly() const { return !hp.norm_after && hp.residual_scale == 1.0f; }
    residual_args<T> residual(int32_t layer, matrix m) const;

    const kernel_table<T> & kernels;

private:
    void load_matrix(const model_file & file, int32_t l, matrix m, bool copy);
    void copy_matrix(const model_file & file, linear<T> & to) const;
    void load_norms(const model_file & file, int32_t l);

    once           backward_ready;
};

extern template class rounded_matrix<bf16>;
extern template class rounded_matrix<float>;
// What they take, with and without copies, the embeddings, the head and the stored matrices counted.
fused_engine_memory memory_of_weights(const model_file & file);

extern template class weights<bf16>;
extern template class weights<float>;

} // namespace magnet::fused
