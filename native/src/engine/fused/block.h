// The decoder: forward and backward of one group of rows, by one team of threads.
//
// Every member function marked SPMD is called by all members of the team at the same time; they share the work by
// `member` and meet at its barrier. Letters: n tokens of the group, D width, F feed-forward width.
#pragma once

#include "adapters.h"
#include "kv-cache.h"
#include "plan.h"
#include "visibility.h"

#include <algorithm>
#include <vector>

namespace magnet::fused {

// A row-major matrix with room for what kernels read beyond it (kernels.h).
template <class T>
struct matrix_buffer {
    buffer<T> data;
    int64_t   ld = 0;

    void reserve(int64_t rows, int64_t cols) {
        ld = round_up(cols, k_multiple);
        data.reserve((rows + row_slack) * ld);
    }
    T * row(int64_t r) { return data.data() + r * ld; }
};

// A group of rows with what every layer needs to know about it.
struct prepared_group {
    // frequencies: as weights<T> has them.
    prepared_group(const row_group & g, const std::vector<engine_row> & rows,
                   const std::vector<std::vector<double>> & frequencies);

    int32_t n_rows() const { return static_cast<int32_t>(group->rows.size()); }
    int32_t n_tokens() const { return group->n_tokens(); }
    int32_t begin(int32_t row) const { return group->offsets[row]; }
    int32_t size(int32_t row) const { return group->offsets[row + 1] - group->offsets[row]; }

    const row_group *            group;
    std::vector<int32_t>         tokens; // [n]
    std::vector<int32_t>         row_of; // [n] the caller's row and the token in it, for dropout
    std::vector<int32_t>         token_of;
    std::vector<row_visibility>  sees;   // per row

    struct rotation {
        std::vector<float> cos; // [n, n_rot / 2]
        std::vector<float> sin;
    };
    std::vector<rotation> rotations; // of each of the model's rotary embeddings

    // Angles of the token in this layer, in which heads are as they are said to be.
    template <class T>
    void rotate(qkv_args<T> & args, const layer_params & layer, int32_t token) const {
        const rotation & r = rotations[std::max(layer.rope, 0)];
        args.cos           = r.cos.data() + int64_t(token) * args.heads->n_rot / 2;
        args.sin           = r.sin.data() + int64_t(token) * args.heads->n_rot / 2;
    }
};

// Where the tokens of a row stand in the cache of its sequence.
template <class T>
struct cache_place {
    sequence_cache<T> * cache = nullptr;
    int32_t             first = 0;    // cell of the row's first token
    bool                keep  = true; // false: its keys and values are there already
};

// What the backward pass of one layer needs of its forward pass, and what the forward pass itself passes on.
template <class T>
struct activations {
    matrix_buffer<T>     attn_in;  // [n, D] unit-norm input of q, k, v
    matrix_buffer<T>     qkv;      // [n, q + k + v] rotated
    matrix_buffer<T>     attn_out; // [n, q]
    matrix_buffer<T>     ffn_in;   // [n, D] unit-norm input of gate and up
    buffer<T>            gate_up;  // of each chunk, as gated_args keeps them
    matrix_buffer<T>     low_rank; // [n, adapters.width()] A' x of every adapted matrix
    matrix_buffer<T>     normed;   // [n, q + k] unit-norm heads, if the model normalises them
    matrix_buffer<float> head_rstd;
    buffer<float>        attn_rstd; // [n]
    buffer<float>        ffn_rstd;
    matrix_buffer<T>     attn_added; // [n, D] unit-norm, what the halves add to the residual stream, if that is normalised
    matrix_buffer<T>     ffn_added;
    buffer<float>        attn_added_rstd; // [n]
    buffer<float>        ffn_added_rstd;
    buffer<float>        lse; // [n_head, row] for each row

    int64_t bytes() const;
};

enum class run_mode { infer, train, train_recompute };

struct stored_matrix;
class stored_weights;

template <class T>
class block_runner {
public:
    block_runner(const weights<T> & base, const adapters<T> & lora, const kernel_table<T> & kernels)
        : base(base), lora(lora), kernels(kernels) {}

    // Memory for groups of up to n_tokens, worked through in chunks of up to chunk_tokens. Not SPMD.
    void reserve(int32_t n_tokens, int32_t chunk_tokens, run_mode mode);

    // SPMD: hidden states of the group before the final norm, in x. With places [rows] each row reads the keys of its
    // sequence's cache, and adds its own.
    void forward(const member & me, const prepared_group & g, const engine_dropout & dropout,
                 const cache_place<T> * places = nullptr);

    // SPMD: given dx [n, D], adds the adapters' gradients to `gradient` (adapters<T>::gradient_size floats).
    void backward(const member & me, const prepared_group & g, const engine_dropout & dropout, float * gradient);

    // The file's matrices for passes over a cache, where the CPU multiplies integers faster than T (kernel_set::integers);
    // NULL = such passes, too, read the weights. Set before reserve().
    const stored_weights * stored = nullptr;

    matrix_buffer<float> x;  // [n, D] residual stream
    matrix_buffer<float> dx; // [n, D] its gradient

    int64_t bytes() const;

    // What training keeps of each token, without recomputing.
    int64_t kept_bytes_per_token() const;

private:
    struct chunk {
        int32_t begin;
        int32_t size;
    };
    struct context { // of one call, to keep argument lists short
        const member &         me;
        const prepared_group & g;
        const engine_dropout & dropout;
        float *                gradient = nullptr;
        const cache_place<T> * places   = nullptr;
    };

    void embed(const context & c);
    void forward_layer(const context & c, int32_t l, activations<T> & s, bool keep);
    void attention_in(const context & c, int32_t l, activations<T> & s, const chunk & at, bool keep);
    void fill_cache(const context & c, int32_t l, activations<T> & s, int32_t from, int32_t to);
    void attend(const context & c, int32_t l, activations<T> & s, bool keep);
    void feed_forward(const context & c, int32_t l, activations<T> & s, const chunk & at, bool keep);
    // in [chunk, D] = what attention or feed-forward reads of the residual stream, which matrices from `first` on multiply.
    void read_residual(const context & c, int32_t l, const chunk & at, matrix first, T * in, int64_t ld, float * rstd);
    // Adds what matrix m makes of `in` to it.
    void add_residual(const context & c, int32_t l, activations<T> & s, const chunk & at, bool keep, matrix m, const T * in,
                      int64_t ld);

    void feed_forward_backward(const context & c, int32_t l, activations<T> & s, const chunk & at);
    void attention_backward(const context & c, int32_t l, activations<T> & s);
    void attention_in_backward(const context & c, int32_t l, activations<T> & s, const chunk & at);
    // dy [chunk, D] = the gradient of what matrix m adds to the residual stream.
    void add_residual_backward(const context & c, int32_t l, activations<T> & s, const chunk & at, matrix m);
    // Adds d_in [chunk, D], the gradient of what read_residual gave as `in`, to dx.
    void read_residual_backward(const context & c, const chunk & at, const T * in, int64_t ld, const float * rstd);

    // A' x of the chunk for matrix m, into low_rank. Ends with a meeting if there is anything to do.
    void low_rank_forward(const context & c, int32_t l, matrix m, const T * in, int64_t ld, const chunk & at,
                          T * low_rank, int64_t ld_low);
    // The matrix as the file stores it, if this pass multiplies it in integers, else NULL.
    const stored_matrix * in_integers(const context & c, int32_t l, matrix m) const;
    // The thread's share of the rows of `in`, rounded to integers for m and the matrices that read the same. False if there is
    // nothing to round.
    bool round_rows(const context & c, int32_t l, matrix m, const T * in, int64_t ld, const chunk & at);
    gemm_args<T> forward_product(const context & c, int32_t l, matrix m, const T * in, int64_t ld, int32_t n,
                                 const T * low_rank, int64_t ld_low);

    // dy B of the chunk, into d_low.
    void low_rank_backward(const context & c, int32_t l, matrix m, const T * dy, int64_t ld, int32_t n);
    // Adds the terms of the gradient of a matrix's input.
    void add_backward_terms(const context & c, gemm_args<T> & args, int32_t l, matrix m, const T * dy, int64_t ld);
    struct gradient_of {
        matrix    m;
        const T * dy; // [n, n_out]
        int64_t   ld;
    };
    // Gradients of the adapters of matrices that read the same input.
    void adapter_gradients(const context & c, int32_t l, const std::vector<gradient_of> & matrices, const T * in,
                           int64_t ld_in, const T * low_rank, int64_t ld_low, int32_t n);

    void dropout_keys(const context & c, int32_t l, const chunk & at);
    void pack_shared(const context & c, const T * x, int64_t ld, int32_t k, int32_t n, T * out);

    std::vector<chunk> chunks(const context & c) const;

    const weights<T> &      base;
    const adapters<T> &     lora;
    const kernel_table<T> & kernels;

    run_mode                          mode = run_mode::infer;
    int32_t                           max_chunk = 1;
    std::vector<activations<T>>       layers;    // one per layer in training, else one
    std::vector<matrix_buffer<float>> inputs;    // [n, D] of each layer, when activations are recomputed
    // Of one chunk:
    matrix_buffer<float> projected; // [chunk, max(q + k + v, D)]
    matrix_buffer<T>     h;         // [chunk, F]
    buffer<uint8_t>      rounded;   // [chunk, widest input of `stored`]
    matrix_buffer<T>     dropped;   // [chunk, max(D, F, q)]
    matrix_buffer<T>     dy;        // [chunk, D]
    matrix_buffer<T>     d_gate;    // [chunk, F]
    matrix_buffer<T>     d_up;      // [chunk, F]
    matrix_buffer<float> d_in;      // [chunk, D]
    matrix_buffer<T>     d_qkv;     // [chunk, q + k + v]
    matrix_buffer<T>     d_low;     // [chunk, adapters.width()]
    buffer<T>            packed_in; // right-hand sides of the adapters' gradients
    buffer<T>            packed_dy;
    matrix_buffer<T>     low_t;     // [adapters.width(), chunk]
    matrix_buffer<T>     d_low_t;
    buffer<uint32_t>     keys[n_matrices]; // [chunk] of dropout
    dropout_mask         masks[n_matrices];
    // Of the whole group:
    matrix_buffer<T>     d_attn;     // [n, q]
    matrix_buffer<float> d_rotated;  // [n, q + k + v]
};

// Members are defined, and instantiated for bf16 and float, in block.cpp, block-forward.cpp and block-backward.cpp.

} // namespace magnet::fused
