#include "rewrite.h"

#include "base/error.h"
#include "magnet-mask.h"
#include "runner.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace magnet::graph {

// GELU as a product of two factors.
static void gelu_factors(ggml_context * c, ggml_tensor * x, ggml_tensor *& a, ggml_tensor *& b) {
    x               = ggml_is_contiguous(x) ? x : ggml_cont(c, x);
    ggml_tensor * u = ggml_mul(c, x, ggml_scale_bias(c, ggml_sqr(c, x), gelu_root * gelu_a, gelu_root));
    a               = ggml_scale(c, x, 0.5f);
    b               = ggml_scale_bias(c, ggml_tanh(c, u), 1.0f, 1.0f);
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

// Then the graph is expanded from output anew, so that it holds what output needs and nothing else.
static void rewrite_graph(forward_graph & forward, ggml_tensor * output, const product_rules & rules) {
    ggml_cgraph * graph = forward.graph();
    if (rules.products) {
        rules.products->rewrite(forward.context(), graph);
    }
    for (int i = 0; rules.exact && i < ggml_graph_n_nodes(graph); ++i) {
        ggml_tensor * node = ggml_graph_node(graph, i);
        if ((node->op == GGML_OP_MUL_MAT || node->op == GGML_OP_MUL_MAT_ID) && is_stored(node->src[0])) {
            node->src[0] = rules.frozen.widened(node->src[0]);
        }
        compute_gelu(forward.context(), node);
    }
    ggml_graph_clear(graph);
    ggml_build_forward_expand(graph, output);
}

// Tensors of a differentiated graph, as multiples of those that llama.cpp reckons with.
constexpr int32_t room_of_blocks = 8;
constexpr int32_t room_of_head   = 2; // of which there are few: the blocks are not in it

void build_blocks(forward_graph & forward, token_batch & batch, const std::vector<token_place> & places,
                  const graph_adapters & adapters, graph_dropout & dropout, const engine_dropout & how,
                  const product_rules & rules) {
    forward.build(batch.view(false), false, room_of_blocks);
    dropout.apply(forward.context(), forward.graph(), adapters, how, places);
    rewrite_graph(forward, forward.hidden(), rules);
}

void build_head(forward_graph & forward, int32_t n, const product_rules & rules) {
    token_batch batch;
    for (int32_t i = 0; i < n; ++i) {
        batch.add(0, i, MAGNET_MASK_SPAN, 0, true);
    }
    forward.build(batch.view(false), true, room_of_head);
    ggml_tensor * hidden = forward.hidden();
    if (!hidden || !forward.logits() || hidden->view_src) {
        throw error(MAGNET_STATUS_UNSUPPORTED,
                    "the graph of this architecture does not show where its output head begins.");
    }
    hidden->op = GGML_OP_NONE;
    std::fill(std::begin(hidden->src), std::end(hidden->src), nullptr);
    ggml_set_input(hidden);
    rewrite_graph(forward, forward.logits(), rules);
}

static void check_derivatives(const gradient_builder & builder) {
    const std::set<std::string> missing(builder.missing().begin(), builder.missing().end());
    if (!missing.empty()) {
        throw error(MAGNET_STATUS_UNSUPPORTED,
                    "this architecture cannot be trained: no derivative is known of " + listed(missing) + ".");
    }
}

std::vector<ggml_tensor *> add_gradients(forward_graph & forward, ggml_tensor * output, ggml_tensor * seed,
                                         const std::vector<ggml_tensor *> & leaves, const product_rules & rules,
                                         const std::vector<ggml_tensor *> & sums) {
    gradient_builder builder(forward.context(), [&](const ggml_tensor * w) { return rules.frozen.transposed(w); },
                             [&](const derivative & d) { return rules.products && rules.products->derive(d); });
    builder.run(forward.graph(), output, seed, leaves);
    check_derivatives(builder);
    std::vector<ggml_tensor *> gradients;
    for (size_t i = 0; i < leaves.size(); ++i) {
        ggml_tensor * gradient = builder.of(leaves[i]);
        gradients.push_back(gradient);
        if (gradient && sums.empty()) {
            ggml_set_output(gradient);
            ggml_build_forward_expand(forward.graph(), gradient);
        } else if (gradient) {
            ggml_build_forward_expand(forward.graph(), ggml_add_inplace(forward.context(), sums[i], gradient));
        }
    }
    return gradients;
}

static const ggml_tensor * nearest_leaf(const ggml_tensor * t, int depth) {
    if (is_stored(t)) {
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

} // namespace magnet::graph
