// LoRA adapters packed for the kernels, and the way of their gradients back to the caller's shape.
//
// Several adapters of one matrix become one of their summed rank; one of a matrix that several are joined in becomes one of
// each, with the same A and the rows of B that are its own. The scale, and the norm weight folded into the base
// matrix, go into A: with x the unit-norm input, W x + scale B A (w x) = W' x + B (A' x), A' = scale A diag(w).
#pragma once

#include "engine/engine.h"
#include "weights.h"

#include <vector>

namespace magnet::fused {

template <class T>
struct adapted {
    int32_t   rank    = 0; // over all sets; 0 = not adapted
    int32_t   trained = 0; // rank in the first set: the part that gradients are computed for
    packed<T> a;           // [n_in, rank]: x -> A' x
    packed<T> b;           // [rank, n_out]
    packed<T> a_back;      // [rank, n_in]
    packed<T> b_back;      // [n_out, rank]
    int64_t   grad_a = 0;  // offsets into a gradient: of A' [trained, n_in] ...
    int64_t   grad_b = 0;  // ... and of B, transposed [trained, n_out]
    int32_t   column = 0;  // where A' x starts among the layer's low-rank activations
};

template <class T>
class adapters {
public:
    explicit adapters(const weights<T> & base);

    // Replaces all adapters. Throws magnet::error (MISMATCH) and keeps what was there; without memory for them there are
    // none then.
    void set(const std::vector<const lora_set *> & sets, thread_pool & pool);

    const adapted<T> & of(int32_t layer, int32_t m) const { return all[layer * n_matrices + m]; }

    // Width of the low-rank activations of one layer.
    int32_t width() const { return columns; }

    // Floats of one gradient of the first set.
    int64_t gradient_size() const { return gradient_floats; }

    // Adds a gradient in the engine's layout to grad. Throws magnet::error (MISMATCH) unless grad has the first set's shape.
    void add_gradient(const float * gradient, lora_set & grad, thread_pool & pool) const;

    // Throws as add_gradient does.
    void check_gradient(const lora_set & grad) const;

private:
    struct source {
        const lora_set *    set;
        const lora_matrix * matrix;
    };
    std::vector<int32_t> find(const lora_matrix & m, int32_t rank) const;
    void    use(const std::vector<std::vector<source>> & sources, const lora_set * first);
    void    pack(int32_t i, const std::vector<source> & sources);

    const weights<T> &      base;
    std::vector<adapted<T>> all;
    std::vector<std::vector<int32_t>> first_set; // of each matrix of the first set, the parts of all that it adapts
    int32_t                 first_rank      = 0;
    float                   first_scale     = 1.0f;
    int32_t                 columns         = 0;
    int64_t                 gradient_floats = 0;
};

extern template class adapters<bf16>;
extern template class adapters<float>;

} // namespace magnet::fused
