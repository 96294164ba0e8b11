// The graphs of a training step, built but not allocated: what the engine runs, what is asked whether a model can be
// trained, and what the tests offer to a device that is not there.
#pragma once

#include "cpu-products.h"
#include "dropout.h"
#include "frozen-weights.h"
#include "gradient.h"
#include "model/context.h"

namespace magnet::graph {

// What the products of a graph are computed with.
struct product_rules {
    frozen_weights & frozen;
    bool             exact;    // in F32: weights of other types as F32 copies; GELU computed, not from a table of F16
    cpu_products *   products; // NULL: ggml's
};

// The graph from a batch's tokens to hidden states. Places are those of its tokens; the masks live in dropout.
void build_blocks(forward_graph & forward, token_batch & batch, const std::vector<token_place> & places,
                  const graph_adapters & adapters, graph_dropout & dropout, const engine_dropout & how,
                  const product_rules & rules);

// The graph from n hidden states, now a leaf, to logits. Throws magnet::error (UNSUPPORTED).
void build_head(forward_graph & forward, int32_t n, const product_rules & rules);

// Adds the gradients of sum(seed * output) with respect to the leaves to the graph; NULL where output does not depend on
// the leaf. They are outputs of it, or, where there are sums, one for each leaf, added to those. Throws magnet::error
// (UNSUPPORTED) naming the ops for which no derivative is known.
std::vector<ggml_tensor *> add_gradients(forward_graph & forward, ggml_tensor * output, ggml_tensor * seed,
                                         const std::vector<ggml_tensor *> & leaves, const product_rules & rules,
                                         const std::vector<ggml_tensor *> & sums = {});

// Where the leaf nearest to a node lies: the device that most likely computes it.
ggml_backend_buffer_type_t device_of(const ggml_tensor * node);

} // namespace magnet::graph
