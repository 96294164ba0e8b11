// On the CPU backend: matrix products of a graph on the fused engine's kernels (bf16 panels, sums in F32) instead of
// ggml's, which quantise the activations or take several times as long.
//
// Three kinds are replaced: products with frozen weights; products with adapters, which are fused into them,
// [x | s A x] [W | B]^T; and on the way back the sums over tokens that are the gradients of A and B. Products of two
// computed matrices are cpu_attention's.
#pragma once

#include "cpu-attention.h"
#include "device-memory.h"
#include "engine/fused/weights.h"
#include "gradient.h"
#include "llama/magnet-graph.h"

#include <memory>
#include <unordered_map>
#include <vector>

namespace magnet::graph {

// For one graph at a time: what rewrite and derive put into it borrows from this until the next rewrite.
class cpu_products {
public:
    explicit cpu_products(int32_t n_threads);
    ~cpu_products();

    // The adapters of graphs to come; their values are read here. Call it whenever they change.
    void set_lora(const std::vector<lora_tensors> & terms);

    // Replaces products in a built graph, which must then be expanded anew.
    void rewrite(ggml_context * context, ggml_cgraph * graph);

    // Derivatives of what rewrite put there. False for other nodes.
    bool derive(const derivative & d);

    void count(device_memory & memory) const;

private:
    using bf16   = fused::bf16;
    using packed = fused::packed<bf16>;

    // M [n_out, n_in] as the right-hand side of x M^T, and of dy M once that is asked for.
    struct matrix {
        packed forward, backward;
    };
    struct adapter {
        float         scale = 1.0f;
        ggml_tensor * a     = nullptr;
        ggml_tensor * b     = nullptr;
        matrix        scaled_a, packed_b;
    };
    // One term of a product: node += input * m^T; trained is the leaf that m was packed from, if any.
    struct term {
        ggml_tensor *   input;
        matrix *        m;
        ggml_tensor *   trained;
        float           scale; // of m relative to trained
    };
    struct product { // what a custom op is told
        cpu_products *    self = nullptr;
        std::vector<term> terms;
        bool              backward = false; // reads m.backward
        bool              turned   = false; // of sums: dst is [rows of left, columns of right] in ggml's order
        float             scale    = 1.0f;
    };
    struct scratch;

    matrix &      weight(const ggml_tensor * w);
    void          pack(matrix & m, const std::vector<float> & values, int64_t n_in, int64_t n_out) const;
    const packed & backward(matrix & m) const;
    bool          fuse_adapter(ggml_context * context, ggml_tensor * add);
    product &     new_product();
    void          become(ggml_context * context, ggml_tensor * node, product & p);
    ggml_tensor * times_backward(const derivative & d, const term & t);
    ggml_tensor * sum_over_tokens(const derivative & d, const term & t);

    static void run_product(ggml_tensor * dst, int ith, int nth, void * data);
    static void run_sum(ggml_tensor * dst, int ith, int nth, void * data);

    const fused::kernel_table<bf16> &                                kernels_;
    std::unordered_map<const ggml_tensor *, std::unique_ptr<matrix>> weights_;
    std::vector<std::unique_ptr<adapter>>                            adapters_;
    std::unordered_map<const ggml_tensor *, adapter *>               adapter_of_; // by B
    std::vector<std::unique_ptr<product>>                            products_;   // of the graph that is built
    std::unordered_map<const ggml_tensor *, product *>               product_of_;
    std::vector<std::unique_ptr<scratch>>                            scratch_; // of each thread
    cpu_attention                                                    attention_;
};

} // namespace magnet::graph
