// On the CPU backend: products of two computed matrices, as in attention, on the fused engine's kernels (bf16 panels,
// sums in F32). Nothing is transposed in memory on the way back.
#pragma once

#include "engine/fused/buffer.h"
#include "engine/fused/kernels.h"
#include "gradient.h"

#include <memory>
#include <unordered_map>
#include <vector>

namespace magnet::graph {

// For one graph at a time, as cpu_products.
class cpu_attention {
public:
    explicit cpu_attention(int32_t n_threads);
    ~cpu_attention();

    void rewrite(ggml_context * context, ggml_cgraph * graph);
    bool derive(const derivative & d);

private:
    struct scratch;

    // With a [k, m], b [k, n] and t = mul_mat(a, b) [m, n], for every pair of matrices that meet.
    enum class kind {
        forward,  // (a, b) -> t
        to_right, // (a, dt) -> db
        to_left,  // (b, dt) -> da, summed over the matrices of b that meet one of a
    };
    template <kind what>
    static void run(ggml_tensor * dst, int ith, int nth, void * self);

    template <kind what>
    ggml_tensor * op(ggml_context * c, const ggml_tensor * like, ggml_tensor * first, ggml_tensor * second);

    const fused::kernel_table<fused::bf16> &        kernels_;
    std::unordered_map<const ggml_tensor *, bool>   mine_;
    std::vector<std::unique_ptr<scratch>>           scratch_; // of each thread
};

} // namespace magnet::graph
