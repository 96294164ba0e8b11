// Dropout on the input of A, in a built graph.
#pragma once

#include "adapters.h"
#include "engine/engine.h"
#include "frozen-weights.h"

#include <vector>

namespace magnet::graph {

// A token of a pass: which row of the call, which token of the row.
struct token_place {
    int32_t row;
    int32_t token;
};

// The masks of one pass; they must live until its gradients are read.
class graph_dropout {
public:
    // Multiplies the input of every A by a mask, one for each target. Before products are replaced.
    void apply(ggml_context * context, ggml_cgraph * graph, const graph_adapters & adapters, const engine_dropout & how,
               const std::vector<token_place> & tokens);

private:
    std::vector<ggml_context_ptr>        contexts_;
    std::vector<ggml_backend_buffer_ptr> buffers_;
};

} // namespace magnet::graph
