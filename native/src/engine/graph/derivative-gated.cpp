// Gated activations: act(x) * u, x and u two tensors or the two halves of one.
#include "gradient.h"

namespace magnet::graph {

namespace {

bool activation_of(enum ggml_glu_op op, enum ggml_unary_op & act) {
    switch (op) {
        case GGML_GLU_OP_REGLU:       act = GGML_UNARY_OP_RELU; return true;
        case GGML_GLU_OP_GEGLU:       act = GGML_UNARY_OP_GELU; return true;
        case GGML_GLU_OP_SWIGLU:      act = GGML_UNARY_OP_SILU; return true;
        case GGML_GLU_OP_GEGLU_ERF:   act = GGML_UNARY_OP_GELU_ERF; return true;
        case GGML_GLU_OP_GEGLU_QUICK: act = GGML_UNARY_OP_GELU_QUICK; return true;
        default:                      return false;
    }
}

} // namespace

bool derive_gated(const derivative & d) {
    enum ggml_unary_op act;
    if (d.node->op != GGML_OP_GLU || !activation_of(ggml_get_glu_op(d.node), act)) {
        return false;
    }
    ggml_tensor *  a       = d.src(0);
    const int64_t  n       = d.node->ne[0];
    const bool     halves  = d.src(1) == nullptr;
    const bool     swapped = halves && d.node->op_params[1] != 0;
    const auto     half    = [&](int64_t i) {
        return ggml_cont(d.ctx, ggml_view_4d(d.ctx, a, n, a->ne[1], a->ne[2], a->ne[3], a->nb[1], a->nb[2], a->nb[3],
                                             (size_t) (i * n) * a->nb[0]));
    };
    ggml_tensor * x  = halves ? half(swapped) : d.cont(a);
    ggml_tensor * u  = halves ? half(!swapped) : d.cont(d.src(1));
    ggml_tensor * y  = ggml_unary(d.ctx, x, act);
    ggml_tensor * dx = halves || d.needs(0) ? unary_gradient(d, act, x, y, d.mul(d.g, u)) : nullptr;
    ggml_tensor * du = halves || d.needs(1) ? d.mul(d.g, y) : nullptr;
    if (halves) {
        d.add(0, swapped ? ggml_concat(d.ctx, du, dx, 0) : ggml_concat(d.ctx, dx, du, 0));
        return true;
    }
    if (dx) {
        d.add(0, dx);
    }
    if (du) {
        d.add(1, du);
    }
    return true;
}

} // namespace magnet::graph
