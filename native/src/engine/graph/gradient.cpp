#include "gradient.h"

#include <cstring>
#include <utility>

namespace magnet::graph {

gradient_builder::gradient_builder(ggml_context * context, transposed_weight transposed,
                                   std::function<bool(const derivative &)> own)
    : ctx_(context), transposed_(std::move(transposed)), own_(std::move(own)) {}

ggml_tensor * gradient_builder::of(const ggml_tensor * leaf) const {
    const auto it = gradients_.find(leaf);
    return it == gradients_.end() ? nullptr : it->second;
}

void gradient_builder::add(ggml_tensor * to, ggml_tensor * gradient) {
    if (!needs(to)) {
        return;
    }
    gradient          = ggml_is_contiguous(gradient) ? gradient : ggml_cont(ctx_, gradient);
    ggml_tensor *& at = gradients_[to];
    at                = at ? ggml_add(ctx_, at, gradient) : gradient;
}

// The same for the part of it that a view shows.
void gradient_builder::add_part(ggml_tensor * to, ggml_tensor * gradient, const ggml_tensor * view) {
    if (!needs(to)) {
        return;
    }
    ggml_tensor *& at = gradients_[to];
    at = ggml_acc(ctx_, at ? at : ggml_fill(ctx_, to, 0.0f), gradient, view->nb[1], view->nb[2], view->nb[3],
                  view->view_offs);
}

ggml_tensor * gradient_builder::turned(ggml_tensor * t) {
    ggml_tensor *& at = turned_[t];
    if (!at) {
        at = ggml_cont(ctx_, ggml_transpose(ctx_, t));
    }
    return at;
}

static std::string describe(const ggml_tensor * t) {
    std::string name = ggml_op_desc(t);
    if (t->name[0] != '\0') {
        name += std::string(" (") + t->name + ")";
    }
    return name;
}

void gradient_builder::run(ggml_cgraph * graph, ggml_tensor * output, ggml_tensor * seed,
                           const std::vector<ggml_tensor *> & leaves) {
    for (const ggml_tensor * leaf : leaves) {
        needed_[leaf] = true;
    }
    const int n_nodes = ggml_graph_n_nodes(graph);
    for (int i = 0; i < n_nodes; ++i) {
        const ggml_tensor * node = ggml_graph_node(graph, i);
        for (const ggml_tensor * src : node->src) {
            if (needs(src)) {
                needed_[node] = true;
                break;
            }
        }
    }
    add(output, seed);
    for (int i = n_nodes - 1; i >= 0; --i) {
        ggml_tensor * node = ggml_graph_node(graph, i);
        ggml_tensor * g    = of(node);
        if (!g) {
            continue;
        }
        const derivative d{ *this, ctx_, node, g };
        if (own_ && own_(d)) {
            continue;
        }
        if (!derive_elementwise(d) && !derive_gated(d) && !derive_norm(d) && !derive_product(d) && !derive_shape(d)) {
            missing_.push_back(describe(node));
        }
    }
}

float derivative::param(int i) const {
    float value;
    memcpy(&value, node->op_params + i, sizeof(value));
    return value;
}

ggml_tensor * derivative::reshape(ggml_tensor * t, const ggml_tensor * like) const {
    return ggml_reshape_4d(ctx, cont(t), like->ne[0], like->ne[1], like->ne[2], like->ne[3]);
}

ggml_tensor * derivative::sum_to(ggml_tensor * t, const ggml_tensor * like) const {
    if (ggml_are_same_shape(t, like)) {
        return t;
    }
    if (like->ne[0] == 1 && t->ne[1] == like->ne[1] && t->ne[2] == like->ne[2] && t->ne[3] == like->ne[3]) {
        return ggml_sum_rows(ctx, t);
    }
    ggml_tensor shape = *like; // repeat_back reads no more than its shape and type
    return ggml_repeat_back(ctx, t, &shape);
}

} // namespace magnet::graph
