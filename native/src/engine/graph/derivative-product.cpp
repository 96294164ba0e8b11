// Matrix products. In ggml's order of dimensions, t = mul_mat(a, b) has a [k, m], b [k, n], t [m, n]; a may be
// broadcast over the higher dimensions of b, as keys are over the queries of their group.
#include "gradient.h"

namespace magnet::graph {

namespace {

// The matrices of b that meet one matrix of a, one below the other: [k, n * share, matrices of a].
ggml_tensor * stacked(const derivative & d, const ggml_tensor * a, ggml_tensor * b) {
    if (a->ne[2] == b->ne[2] && a->ne[3] == b->ne[3]) {
        return b;
    }
    return ggml_reshape_4d(d.ctx, d.cont(b), b->ne[0], b->ne[1] * b->ne[2] * b->ne[3] / (a->ne[2] * a->ne[3]), a->ne[2],
                           a->ne[3]);
}

bool derive_mul_mat(const derivative & d) {
    ggml_tensor * a = d.src(0);
    ggml_tensor * b = d.src(1);
    if (d.needs(1)) {
        ggml_tensor * at = is_leaf(a) && !d.needs(0) ? d.transposed(a) : d.turned(a);
        d.add(1, ggml_mul_mat(d.ctx, at, d.g));
    }
    if (d.needs(0)) {
        if (a->ne[3] != b->ne[3] && a->ne[2] * a->ne[3] != 1) {
            return false; // which matrices of b meet is then no block of memory
        }
        d.add(0, ggml_out_prod(d.ctx, d.with_rows(stacked(d, a, b)), stacked(d, a, d.g)));
    }
    return true;
}

// Experts: as [k, m, experts], b [k, 1 or used, tokens], ids [used, tokens].
bool derive_mul_mat_id(const derivative & d) {
    if (d.needs(1)) {
        d.add(1, d.sum_to(ggml_mul_mat_id(d.ctx, d.transposed(d.src(0)), d.g, d.src(2)), d.src(1)));
    }
    return !d.needs(0);
}

} // namespace

bool derive_product(const derivative & d) {
    switch (d.node->op) {
        case GGML_OP_MUL_MAT:    return derive_mul_mat(d);
        case GGML_OP_MUL_MAT_ID: return derive_mul_mat_id(d);
        default:                 return false;
    }
}

} // namespace magnet::graph
