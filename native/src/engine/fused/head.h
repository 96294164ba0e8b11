// The output head: logits, and cross-entropy with its gradient.
//
// Cross-entropy goes over the vocabulary in tiles, once: of each tile of scores only the running softmax and the weighted sum
// of the head's rows are kept (as attention does; arXiv 2205.14135), so that memory does not depend on the vocabulary.
#pragma once

#include "weights.h"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace magnet::fused {

// Safe to use from several threads at once.
template <class T>
class output_head {
public:
    // The matrix is read from the file and packed when it is first needed. embeddings: borrowed, if they are read already; a
    // tied head is packed from them.
    output_head(std::string path, const hparams & hp, const kernel_table<T> & kernels,
                const model_file::raw_rows * embeddings = nullptr);

    // From now on the matrix as the file stores it instead of a copy, borrowed. Before anything else.
    void use_stored(const quantised_source & source) { quantised = source; }

    void logits(const float * hidden, int32_t n, float * out) const;

    // One thread's share of logits [n, V] of hidden vectors [n, D] with row_slack rows behind them. finish_logits() is left to do.
    void logits(const share & part, const T * hidden, int64_t ld, int32_t n, float * out) const;

    void cross_entropy(const float * hidden, const int32_t * index, const int32_t * targets, const float * weight,
                       int32_t n, float * nll, float * d_hidden) const;

    // As engine::divergence.
    void divergence(const float * base, const float * hidden, float weight, int32_t n, float * out, float * d_hidden) const;

    int64_t bytes() const { return forward.data.bytes(); }

private:
    struct workspace {
        buffer<T>     hidden;  // [chunk, D]
        buffer<float> scores;  // [chunk, tile of V]
        buffer<T>     weights; // the same: of the head's rows, in the gradient
        buffer<T>     rows;    // [tile of V, D] of the head, packed, for the gradient
        buffer<float> sums;    // [chunk, D] of the head's rows
        buffer<float> all;     // divergence: [few, V] scores
        buffer<float> of_base; // the same of other states
    };
    void run_tile(workspace & w, std::vector<softmax_state> & states, const int32_t * targets, int32_t first, bool sums) const;
    void add_gradient(const workspace & w, int32_t i, const softmax_state & state, int32_t target, float weight,
                      float * d_hidden) const;
    // scores [rows, V] of the first rows of states, with the log sum exp of each.
    void    score(const T * states, int32_t rows, float * scores, float * lse) const;
    int64_t scores_ld() const { return round_up(hp.n_vocab, k_multiple); }
    // Writes columns [v, v + size) of row i of the gradient with respect to the scores.
    using scores_gradient = std::function<void(int32_t i, int32_t v, int32_t size, T * out)>;
    void states_gradient(workspace & w, int32_t rows, const scores_gradient & fill) const; // w.sums [rows, D]
    void reserve_gradient(workspace & w) const;
    // w.sums [rows, D] += w.weights [rows, size] times rows [first, first + size) of the head; = where first is 0.
    void add_rows(workspace & w, int32_t rows, int32_t first, int32_t size) const;

    std::unique_ptr<workspace> borrow() const;
    void                       give_back(std::unique_ptr<workspace> w) const;
    void                       load() const;

    const std::string       path;
    const hparams           hp;
    const kernel_table<T> & kernels;

    const model_file::raw_rows * const              tied; // NULL = read them
    quantised_source                                quantised;
    mutable once                                    loaded;
    mutable packed<T>                               forward; // [D, V]; its transpose is made a tile at a time
    mutable std::mutex                              mutex;
    mutable std::vector<std::unique_ptr<workspace>> idle;
};

// What the model makes of its raw scores.
template <class T>
void finish_logits(const hparams & hp, const kernel_table<T> & kernels, float * scores, int64_t n) {
    if (hp.logit_scale != 1.0f || hp.logit_cap > 0.0f) {
        kernels.cap(scores, int32_t(n), hp.logit_scale, hp.logit_cap);
    }
}

extern template class output_head<bf16>;
extern template class output_head<float>;

} // namespace magnet::fused
