#include "rewrite.h"

#include "magnet-error.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace magnet {

static bool is_weight(const ggml_tensor * t) { return t->op == GGML_OP_NONE && !t->view_src && t->buffer; }

// x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), as a product of two factors.
static void gelu_factors(ggml_context * c, ggml_tensor * x, ggml_tensor *& a, ggml_tensor *& b) {
    constexpr float root = 0.79788456080286535588f;
    x                    = ggml_is_contiguous(x) ? x : ggml_cont(c, x);
    ggml_tensor * u      = ggml_mul(c, x, ggml_scale_bias(c, ggml_sqr(c, x), root * 0.044715f, root));
    a                    = ggml_scale(c, x, 0.5f);
    b                    = ggml_scale_bias(c, ggml_tanh(c, u), 1.0f, 1.0f);
}

static void become_product(ggml_tensor * node, ggml_tensor * a, ggml_tensor * b) {
    node->op     = GGML_OP_MUL;
    node->src[0] = a;
    node->src[1] = b;
    std::fill(std::begin(node->op_params), std::end(node->op_params), 0);
}

static void compute_gelu(ggml_context * c, ggml_tensor * node) {
    ggml_tensor *a, *b;
    if (node->op == GGML_OP_UNARY && ggml_get_unary_op(node) == GGML_UNARY_OP_GELU) {
        gelu_factors(c, node->src[0], a, b);
        become_product(node, a, b);
    } else if (node->op == GGML_OP_GLU && ggml_get_glu_op(node) == GGML_GLU_OP_GEGLU && node->src[1]) {
        gelu_factors(c, node->src[0], a, b);
        become_product(node, ggml_mul(c, a, b), node->src[1]);
    }
}

void rewrite_graph(ggml_context * context, ggml_cgraph * graph, ggml_tensor * output, frozen_weights & frozen, bool exact,
                   cpu_products * products) {
    if (products) {
        products->rewrite(context, graph);
    }
    for (int i = 0; exact && i < ggml_graph_n_nodes(graph); ++i) {
        ggml_tensor * node = ggml_graph_node(graph, i);
        if ((node->op == GGML_OP_MUL_MAT || node->op == GGML_OP_MUL_MAT_ID) && is_weight(node->src[0])) {
            node->src[0] = frozen.widened(node->src[0]);
        }
        compute_gelu(context, node);
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
