// Changes to a built graph before it is allocated.
#pragma once

#include "cpu-products.h"
#include "frozen-weights.h"
#include "gradient.h"

namespace magnet {

// If products is given, they are computed by it. If exact: products with weights of other types read F32 copies of them, and GELU is computed instead of looked up in
// the table of F16 values that ggml's CPU backend has. Then the graph is expanded from output anew, so that it holds what
// output needs and nothing else.
void rewrite_graph(ggml_context * context, ggml_cgraph * graph, ggml_tensor * output, frozen_weights & frozen, bool exact,
                   cpu_products * products);

// Where the leaf nearest to a node lies: the device that most likely computes it.
ggml_backend_buffer_type_t device_of(const ggml_tensor * node);

// Throws magnet::error (UNSUPPORTED) naming the ops for which no derivative is known.
void check_derivatives(const gradient_builder & gradients);

} // namespace magnet
