// Arithmetic and activations. Second operands may be broadcast, as in ggml.
#include "gradient.h"

#include <cmath>

namespace magnet::graph {

namespace {

constexpr float gelu_quick = 1.702f;

ggml_tensor * gelu_gradient(const derivative & d, ggml_tensor * x) {
    ggml_tensor * x2 = ggml_sqr(d.ctx, x);
    ggml_tensor * t  = ggml_tanh(d.ctx, d.mul(x, d.affine(x2, gelu_root * gelu_a, gelu_root)));
    ggml_tensor * du = d.affine(x2, 3.0f * gelu_root * gelu_a, gelu_root);
    ggml_tensor * s  = d.mul(d.mul(x, du), d.affine(ggml_sqr(d.ctx, t), -0.5f, 0.5f));
    return d.add(s, d.affine(t, 0.5f, 0.5f));
}

// x s(kx): s + k y (1 - s)
ggml_tensor * gelu_quick_gradient(const derivative & d, ggml_tensor * x, ggml_tensor * y) {
    ggml_tensor * s = ggml_sigmoid(d.ctx, ggml_scale(d.ctx, x, gelu_quick));
    return d.add(s, d.mul(y, d.affine(s, -gelu_quick, gelu_quick)));
}

// x P(x) with the normal distribution P, density p: P + x p. There is no op for P alone; y / x is P, but for x = 0.
ggml_tensor * gelu_erf_gradient(const derivative & d, ggml_tensor * x, ggml_tensor * y) {
    constexpr float tiny    = 1e-12f;
    ggml_tensor *   p       = ggml_div(d.ctx, d.affine(y, 1.0f, 0.5f * tiny), d.affine(x, 1.0f, tiny));
    ggml_tensor *   density = ggml_exp(d.ctx, ggml_scale(d.ctx, ggml_sqr(d.ctx, x), -0.5f));
    return d.add(p, d.mul(x, ggml_scale(d.ctx, density, 0.3989422804014327f)));
}

// 1 where low < x < high
ggml_tensor * inside(const derivative & d, ggml_tensor * x, float low, float high) {
    ggml_tensor * above = std::isfinite(low) ? ggml_step(d.ctx, d.affine(x, 1.0f, -low)) : nullptr;
    ggml_tensor * below = std::isfinite(high) ? ggml_step(d.ctx, d.affine(x, -1.0f, high)) : nullptr;
    return above && below ? d.mul(above, below) : above ? above : below;
}

} // namespace

ggml_tensor * unary_gradient(const derivative & d, enum ggml_unary_op op, ggml_tensor * x, ggml_tensor * y,
                             ggml_tensor * g) {
    ggml_context * c = d.ctx;
    switch (op) {
        case GGML_UNARY_OP_ABS:        return d.mul(g, ggml_sgn(c, x));
        case GGML_UNARY_OP_NEG:        return ggml_neg(c, g);
        case GGML_UNARY_OP_RELU:       return d.mul(g, ggml_step(c, x));
        case GGML_UNARY_OP_TANH:       return d.mul(g, d.affine(ggml_sqr(c, y), -1.0f, 1.0f));
        case GGML_UNARY_OP_SIGMOID:    return d.mul(g, ggml_sub(c, y, ggml_sqr(c, y)));
        case GGML_UNARY_OP_SILU:       return ggml_silu_back(c, g, x);
        case GGML_UNARY_OP_GELU:       return d.mul(g, gelu_gradient(d, x));
        case GGML_UNARY_OP_GELU_QUICK: return d.mul(g, gelu_quick_gradient(d, x, y));
        case GGML_UNARY_OP_GELU_ERF:   return d.mul(g, gelu_erf_gradient(d, x, y));
        case GGML_UNARY_OP_EXP:        return d.mul(g, y);
        case GGML_UNARY_OP_EXPM1:      return d.mul(g, d.affine(y, 1.0f, 1.0f));
        case GGML_UNARY_OP_SOFTPLUS:   return d.mul(g, ggml_sigmoid(c, x));
        default:                       return nullptr;
    }
}

bool derive_elementwise(const derivative & d) {
    ggml_context * c = d.ctx;
    ggml_tensor *  t = d.node;
    ggml_tensor *  a = t->src[0];
    ggml_tensor *  b = t->src[1];
    switch (t->op) {
        case GGML_OP_ADD:
            d.add(0, d.g);
            if (d.needs(1)) {
                d.add(1, d.sum_to(d.g, b));
            }
            return true;
        case GGML_OP_ADD_ID: // biases chosen by expert
            d.add(0, d.g);
            return !d.needs(1);
        case GGML_OP_SUB:
            d.add(0, d.g);
            if (d.needs(1)) {
                d.add(1, ggml_neg(c, d.sum_to(d.g, b)));
            }
            return true;
        case GGML_OP_MUL:
            if (d.needs(0)) {
                d.add(0, d.mul(d.g, b));
            }
            if (d.needs(1)) {
                d.add(1, d.sum_to(d.mul(d.g, a), b));
            }
            return true;
        case GGML_OP_DIV:
            if (d.needs(0)) {
                d.add(0, ggml_div(c, d.g, b));
            }
            if (d.needs(1)) {
                d.add(1, ggml_neg(c, d.sum_to(ggml_div(c, d.mul(d.g, t), b), b)));
            }
            return true;
        case GGML_OP_SCALE: d.add(0, ggml_scale(c, d.g, d.param(0))); return true;
        case GGML_OP_SQR:   d.add(0, ggml_scale(c, d.mul(d.g, a), 2.0f)); return true;
        case GGML_OP_SQRT:  d.add(0, ggml_scale(c, ggml_div(c, d.g, t), 0.5f)); return true;
        case GGML_OP_LOG:   d.add(0, ggml_div(c, d.g, a)); return true;
        case GGML_OP_CLAMP: {
            ggml_tensor * in = inside(d, a, d.param(0), d.param(1));
            d.add(0, in ? d.mul(d.g, in) : d.g);
            return true;
        }
        case GGML_OP_UNARY: {
            ggml_tensor * g = unary_gradient(d, ggml_get_unary_op(t), d.cont(a), t, d.g);
            if (g) {
                d.add(0, g);
            }
            return g != nullptr;
        }
        default: return false;
    }
}

} // namespace magnet::graph
