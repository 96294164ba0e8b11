// What of a model the graph engine can adapt and differentiate.
#pragma once

#include "engine/engine.h"
#include "llama/magnet-graph.h"
#include "model/context.h"

#include <memory>
#include <vector>

namespace magnet::graph {

using llama_context_ptr = std::unique_ptr<llama_context, llama_context_deleter>;

// A context whose graphs can be differentiated: no memory, no flash attention. Throws magnet::error (UNSUPPORTED).
llama_context_ptr make_training_context(llama_model * model, int32_t n_threads);

// Matrices to which the builders give low-rank terms, in the order of the forward pass. Leaves graph without any.
std::vector<lora_matrix> adaptable_matrices(forward_graph & graph, const llama_model * model);

} // namespace magnet::graph
