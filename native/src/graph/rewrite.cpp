#include "rewrite.h"

#include "magnet-error.h"

#include <set>

namespace magnet {

static bool is_weight(const ggml_tensor * t) { return t->op == GGML_OP_NONE && !t->view_src && t->buffer; }

void rewrite_products(ggml_cgraph * graph, ggml_tensor * output, frozen_weights & frozen, bool exact) {
    for (int i = 0; exact && i < ggml_graph_n_nodes(graph); ++i) {
        ggml_tensor * node = ggml_graph_node(graph, i);
        if ((node->op == GGML_OP_MUL_MAT || node->op == GGML_OP_MUL_MAT_ID) && is_weight(node->src[0])) {
            node->src[0] = frozen.widened(node->src[0]);
        }
    }
    ggml_graph_clear(graph);
    ggml_build_forward_expand(graph, output);
}

static const ggml_tensor * nearest_leaf(const ggml_tensor * t, int depth) {
    if (is_weight(t)) {
        return t;
    }
    for (int i = 0; depth > 0 && i < GGML_MAX_SRC; ++i) {
        const ggml_tensor * leaf = t->src[i] ? nearest_leaf(t->src[i], depth - 1) : nullptr;
        if (leaf) {
            return leaf;
        }
    }
    return nullptr;
}

ggml_backend_buffer_type_t device_of(const ggml_tensor * node) {
    for (int depth = 1; depth <= 8; ++depth) {
        if (const ggml_tensor * leaf = nearest_leaf(node, depth)) {
            return companion_buffer_type(leaf);
        }
    }
    return ggml_backend_cpu_buffer_type();
}

void check_derivatives(const gradient_builder & gradients) {
    const std::set<std::string> missing(gradients.missing().begin(), gradients.missing().end());
    if (missing.empty()) {
        return;
    }
    std::string names;
    for (const std::string & name : missing) {
        names += (names.empty() ? "" : ", ") + name;
    }
    throw error(MAGNET_STATUS_UNSUPPORTED, "this architecture cannot be trained: no derivative is known of " + names + ".");
}

} // namespace magnet
