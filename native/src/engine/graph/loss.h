// Cross-entropy as nodes of an output head's graph, so that the logits stay on the device that computed them.
#pragma once

#include "llama/magnet-graph.h"

namespace magnet::graph {

// Of n positions. Inputs are to be filled once the graph is allocated.
struct graph_loss {
    ggml_tensor * target;      // input [n] I32: i * n_vocab + the target of position i
    ggml_tensor * weight;      // input [1, n] F32: of each position in the gradient; NULL without one
    ggml_tensor * probability; // output [1, n] F32: softmax(logits) at the targets
    ggml_tensor * d_logits;    // [n_vocab, n] F32: weight * (softmax(logits) - one-hot(target)); NULL without gradient
};

// Extends the graph of build_head.
graph_loss add_loss(forward_graph & head, bool gradient);

} // namespace magnet::graph
