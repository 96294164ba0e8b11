// Ops that move values: views, permutations, rows, concatenation, repetition; and sums.
#include "gradient.h"

namespace magnet::graph {

namespace {

// A view adds to the part that it shows of the tensor whose memory it is, however many views lie between.
bool derive_view(const derivative & d) {
    ggml_tensor * t    = d.node;
    ggml_tensor * base = t->view_src;
    if (t->view_offs == 0 && ggml_is_contiguous(t) && ggml_nelements(t) == ggml_nelements(base)) {
        d.add_to(base, d.reshape(d.g, base));
        return true;
    }
    if (!ggml_is_contiguous(base) || t->nb[0] != ggml_type_size(base->type) || base->type != GGML_TYPE_F32) {
        return false;
    }
    d.add_part(base, d.g);
    return true;
}

ggml_tensor * permute_back(const derivative & d) {
    int back[4];
    for (int i = 0; i < 4; ++i) {
        back[d.node->op_params[i] & 3] = i;
    }
    // ggml_permute sends axis i to place axes[i]; the way back sends that place to i
    return ggml_permute(d.ctx, d.g, back[0], back[1], back[2], back[3]);
}

ggml_tensor * part_of_concat(const derivative & d, int i) {
    const int     dim   = d.node->op_params[0];
    ggml_tensor * s     = d.src(i);
    const int64_t begin = i == 0 ? 0 : d.src(0)->ne[dim];
    return ggml_cont(d.ctx, ggml_view_4d(d.ctx, d.g, s->ne[0], s->ne[1], s->ne[2], s->ne[3], d.g->nb[1], d.g->nb[2],
                                         d.g->nb[3], (size_t) begin * d.g->nb[dim]));
}

} // namespace

bool derive_shape(const derivative & d) {
    ggml_context * c = d.ctx;
    ggml_tensor *  a = d.src(0);
    switch (d.node->op) {
        case GGML_OP_VIEW: return derive_view(d);
        case GGML_OP_RESHAPE:
        case GGML_OP_CONT:
        case GGML_OP_DUP:
        case GGML_OP_CPY:
            d.add(0, d.reshape(d.g, a));
            return !(d.node->op == GGML_OP_CPY && d.node->view_src && d.needs(1));
        case GGML_OP_PERMUTE:   d.add(0, permute_back(d)); return true;
        case GGML_OP_TRANSPOSE: d.add(0, ggml_transpose(c, d.g)); return true;
        case GGML_OP_CONCAT:
            for (int i = 0; i < 2; ++i) {
                if (d.needs(i)) {
                    d.add(i, part_of_concat(d, i));
                }
            }
            return true;
        case GGML_OP_REPEAT:   d.add(0, d.sum_to(d.g, a)); return true;
        case GGML_OP_SUM_ROWS: d.add(0, ggml_repeat_4d(c, d.g, a->ne[0], a->ne[1], a->ne[2], a->ne[3])); return true;
        case GGML_OP_MEAN:
            d.add(0, ggml_scale(c, ggml_repeat_4d(c, d.g, a->ne[0], a->ne[1], a->ne[2], a->ne[3]),
                                1.0f / (float) a->ne[0]));
            return true;
        case GGML_OP_GET_ROWS: // of computed rows: outputs, chosen experts; no row is taken twice
            d.add(0, ggml_set_rows(c, ggml_fill(c, a, 0.0f), d.g, d.src(1)));
            return !d.needs(1) || d.src(1)->type == GGML_TYPE_I32;
        default: return false;
    }
}

} // namespace magnet::graph
