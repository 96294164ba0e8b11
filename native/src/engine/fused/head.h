// The output head: logits, and cross-entropy with its gradient, in chunks of positions.
#pragma once

#include "weights.h"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace magnet::fused {

// Safe to use from several threads at once.
template <class T>
class output_head {
public:
    // The matrix is read from the file and packed when it is first needed.
    output_head(std::string path, const hparams & hp, const kernel_table<T> & kernels);

    // From now on the matrix as the file stores it instead of a copy, borrowed. Before anything else.
    void use_stored(const quantised_source & source) { quantised = source; }

    void logits(const float * hidden, int32_t n, float * out) const;

    // One thread's share of logits [n, V] of hidden vectors [n, D] with row_slack rows behind them.
    void logits(const share & part, const T * hidden, int64_t ld, int32_t n, float * out) const;

    void cross_entropy(const float * hidden, const int32_t * index, const int32_t * targets, const float * weight,
                       int32_t n, float * nll, float * d_hidden) const;

    int64_t bytes() const { return forward.data.bytes() + backward.data.bytes(); }

private:
    struct workspace {
        buffer<T>     hidden;    // [chunk, D]
        buffer<float> scores;    // [chunk, V]
        buffer<T>     d_scores;  // [chunk, block of V]
        buffer<float> d_hidden;  // [chunk, D]
    };
    std::unique_ptr<workspace> borrow() const;
    void                       give_back(std::unique_ptr<workspace> w) const;
    void                       load() const;
    void                       load_backward() const;

    const std::string       path;
    const hparams           hp;
    const kernel_table<T> & kernels;
    const int32_t           chunk; // positions computed together

    quantised_source                                quantised;
    mutable once                                    loaded;
    mutable once                                    backward_loaded;
    mutable packed<T>                               forward;  // [D, V]
    mutable packed<T>                               backward; // [V, D]
    mutable std::mutex                              mutex;
    mutable std::vector<std::unique_ptr<workspace>> idle;
};

extern template class output_head<bf16>;
extern template class output_head<float>;

} // namespace magnet::fused
