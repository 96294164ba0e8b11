// Reverse-mode differentiation of a ggml graph: the gradient of a number with respect to some leaves, as further nodes.
//
// ggml's own backward pass aborts on LayerNorm, GELU, soft-capping and heads that share keys, and multiplies by frozen
// weights with out_prod, which is slow and knows few types. Here every derivative is made of ordinary ops, so that it
// runs wherever the forward pass does, and an op without one is named instead of aborting the process.
//
// Only what lies between the leaves and the output gets a gradient. All gradients are contiguous F32.
#pragma once

#include "ggml.h"

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

namespace magnet::graph {

// As in ggml's kernels: gelu(x) = x / 2 (1 + tanh(u)), u = sqrt(2 / pi) (x + a x^3).
constexpr float gelu_a    = 0.044715f;
constexpr float gelu_root = 0.79788456080286535588f;

// Nothing computes it in the graph.
inline bool is_leaf(const ggml_tensor * t) { return t->op == GGML_OP_NONE && !t->view_src; }

// A weight [n_in, n_out, ...] as [n_out, n_in, ...], contiguous, F32 or a type that products with F32 understand.
using transposed_weight = std::function<ggml_tensor *(const ggml_tensor * weight)>;

class gradient_builder {
public:
    // Nodes are made in context; transposed gives frozen weights.
    // own is asked first: the rule of nodes that ggml's op does not tell.
    gradient_builder(ggml_context * context, transposed_weight transposed,
                     std::function<bool(const struct derivative &)> own = {});

    // For sum(seed * output): seed has the shape of output. Leaves are tensors of graph or sources of its nodes. Nodes
    // are added to nothing: expand the gradients that you want.
    void run(ggml_cgraph * graph, ggml_tensor * output, ggml_tensor * seed, const std::vector<ggml_tensor *> & leaves);

    // NULL where the output does not depend on the leaf.
    ggml_tensor * of(const ggml_tensor * leaf) const;

    // Ops without a derivative that were met, each with the name of a tensor; of() says nothing then.
    const std::vector<std::string> & missing() const { return missing_; }

private:
    friend struct derivative;

    bool          needs(const ggml_tensor * t) const { return t && needed_.count(t) > 0; }
    void          add(ggml_tensor * to, ggml_tensor * gradient);
    void          add_part(ggml_tensor * to, ggml_tensor * gradient, const ggml_tensor * view);
    ggml_tensor * turned(ggml_tensor * t); // rows and columns exchanged, contiguous; made once for each tensor

    ggml_context *                                          ctx_;
    transposed_weight                                       transposed_;
    std::function<bool(const struct derivative &)>          own_;
    std::unordered_map<const ggml_tensor *, bool>           needed_;
    std::unordered_map<const ggml_tensor *, ggml_tensor *>  gradients_;
    std::unordered_map<const ggml_tensor *, ggml_tensor *>  turned_;
    std::vector<std::string>                                missing_;
};

// One node on the way back: what rules (derivative-*.cpp) work with.
struct derivative {
    gradient_builder & builder;
    ggml_context *     ctx;
    ggml_tensor *      node;
    ggml_tensor *      g; // gradient with respect to node

    ggml_tensor * src(int i) const { return node->src[i]; }
    float         param(int i) const; // what the op was told
    bool          needs(int i) const { return builder.needs(node->src[i]); }
    void          add(int i, ggml_tensor * gradient) const { builder.add(node->src[i], gradient); }
    void          add_to(ggml_tensor * t, ggml_tensor * gradient) const { builder.add(t, gradient); }
    bool          needs_tensor(const ggml_tensor * t) const { return builder.needs(t); }
    void          add_part(ggml_tensor * t, ggml_tensor * gradient) const { builder.add_part(t, gradient, node); }
    ggml_tensor * turned(ggml_tensor * t) const { return builder.turned(t); }
    ggml_tensor * transposed(const ggml_tensor * weight) const { return builder.transposed_(weight); }

    ggml_tensor * cont(ggml_tensor * t) const { return ggml_is_contiguous(t) ? t : ggml_cont(ctx, t); }
    ggml_tensor * with_rows(ggml_tensor * t) const { return t->nb[0] == sizeof(float) ? t : ggml_cont(ctx, t); }
    ggml_tensor * reshape(ggml_tensor * t, const ggml_tensor * like) const;
    ggml_tensor * sum_to(ggml_tensor * t, const ggml_tensor * like) const; // sums what was broadcast
    ggml_tensor * mul(ggml_tensor * a, ggml_tensor * b) const { return ggml_mul(ctx, a, b); }
    ggml_tensor * add(ggml_tensor * a, ggml_tensor * b) const { return ggml_add(ctx, a, b); }
    ggml_tensor * affine(ggml_tensor * a, float scale, float bias) const {
        return ggml_scale_bias(ctx, a, scale, bias);
    }
};

// Each handles the ops of its kind and says whether the node was one of them.
bool derive_elementwise(const derivative & d); // arithmetic, activations, clamp
bool derive_gated(const derivative & d);       // gated activations
bool derive_norm(const derivative & d);        // norms, softmax, rotary embedding
bool derive_product(const derivative & d);     // matrix products
bool derive_shape(const derivative & d);       // views, permutations, rows, concatenation, repetition, sums

// Of an activation, at x: act'(x) * g, given y = act(x). NULL for an op without one.
ggml_tensor * unary_gradient(const derivative & d, enum ggml_unary_op op, ggml_tensor * x, ggml_tensor * y,
                             ggml_tensor * g);

} // namespace magnet::graph
