// Norms, softmax and rotary embedding.
#include "gradient.h"

#include <cstring>

namespace magnet::graph {

namespace {

// y = (x - mean) / s, s = sqrt(var + eps): dx = (g - mean(g) - y mean(g y)) / s
ggml_tensor * layer_norm_gradient(const derivative & d, float eps) {
    ggml_context * c        = d.ctx;
    ggml_tensor *  x        = d.cont(d.src(0));
    ggml_tensor *  centred  = ggml_sub(c, x, ggml_mean(c, x));
    ggml_tensor *  s        = ggml_sqrt(c, d.affine(ggml_mean(c, ggml_sqr(c, centred)), 1.0f, eps));
    ggml_tensor *  along    = d.mul(d.node, ggml_mean(c, d.mul(d.g, d.node)));
    return ggml_div(c, ggml_sub(c, ggml_sub(c, d.g, ggml_mean(c, d.g)), along), s);
}

// The rotation back, with whatever the forward op was told.
ggml_tensor * rope_gradient(const derivative & d) {
    const ggml_tensor * t    = d.node;
    ggml_tensor *       back = ggml_rope_ext_back(d.ctx, d.g, d.src(1), d.src(2), 2, 0, 0, 1.0f, 1.0f, 0.0f, 1.0f, 0.0f,
                                                  0.0f);
    memcpy(back->op_params, t->op_params, sizeof(back->op_params));
    return back;
}

} // namespace

bool derive_norm(const derivative & d) {
    switch (d.node->op) {
        case GGML_OP_NORM: d.add(0, layer_norm_gradient(d, d.param(0))); return true;
        case GGML_OP_RMS_NORM:
            d.add(0, ggml_rms_norm_back(d.ctx, d.g, d.cont(d.src(0)), d.param(0)));
            return true;
        case GGML_OP_SOFT_MAX:
            // The biases of ALiBi are added, so they do not show. The allocator may put soft_max_back in the place of
            // the softmax, which it still reads: an output is left alone.
            ggml_set_output(d.node);
            d.add(0, ggml_soft_max_ext_back(d.ctx, d.g, d.node, d.param(0), 0.0f));
            return !d.needs(1) && !d.needs(2);
        case GGML_OP_ROPE: d.add(0, rope_gradient(d)); return !d.needs(2);
        default:           return false;
    }
}

} // namespace magnet::graph
