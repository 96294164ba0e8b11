#include "cpu-attention.h"

#include "engine/fused/kernel-choice.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace magnet::graph {

using fused::bf16;
using fused::buffer;
using fused::k_multiple;
using fused::panel_size;
using fused::round_up;
using fused::row_slack;

struct cpu_attention::scratch {
    buffer<bf16> converted, left, right;
};

cpu_attention::cpu_attention(int32_t n_threads) : kernels_(*fused::choose_kernels("").bf16_table) {
    for (int32_t i = 0; i < n_threads; ++i) {
        scratch_.push_back(std::make_unique<scratch>());
    }
}

cpu_attention::~cpu_attention() = default;

template <cpu_attention::kind what>
ggml_tensor * cpu_attention::op(ggml_context * c, const ggml_tensor * like, ggml_tensor * first, ggml_tensor * second) {
    ggml_tensor * sources[] = { first, second };
    return ggml_custom_4d(c, GGML_TYPE_F32, like->ne[0], like->ne[1], like->ne[2], like->ne[3], sources, 2, run<what>,
                          GGML_N_TASKS_MAX, this);
}

static bool rows_of_floats(const ggml_tensor * t) { return t->type == GGML_TYPE_F32 && t->nb[0] == sizeof(float); }

void cpu_attention::rewrite(ggml_context * context, ggml_cgraph * graph) {
    mine_.clear();
    for (int i = 0; i < ggml_graph_n_nodes(graph); ++i) {
        ggml_tensor * node = ggml_graph_node(graph, i);
        ggml_tensor * a    = node->src[0];
        ggml_tensor * b    = node->src[1];
        if (node->op != GGML_OP_MUL_MAT || a->op == GGML_OP_NONE || !rows_of_floats(a) || !rows_of_floats(b) ||
            a->ne[3] != b->ne[3]) {
            continue;
        }
        const ggml_tensor * made = op<kind::forward>(context, node, a, b);
        node->op                 = made->op;
        memcpy(node->op_params, made->op_params, sizeof(made->op_params));
        mine_[node] = true;
    }
}

bool cpu_attention::derive(const derivative & d) {
    if (mine_.count(d.node) == 0) {
        return false;
    }
    if (d.needs(0)) {
        d.add(0, op<kind::to_left>(d.ctx, d.src(0), d.src(1), d.g));
    }
    if (d.needs(1)) {
        d.add(1, op<kind::to_right>(d.ctx, d.src(1), d.src(0), d.g));
    }
    return true;
}

namespace {

// One matrix of a tensor.
struct rows_view {
    const float * data;
    int64_t       ld;
    int32_t       rows, columns;

    rows_view(const ggml_tensor * t, int64_t i2, int64_t i3)
        : data(reinterpret_cast<const float *>(static_cast<const char *>(t->data) + i2 * t->nb[2] + i3 * t->nb[3])),
          ld(int64_t(t->nb[1] / sizeof(float))), rows(int32_t(t->ne[1])), columns(int32_t(t->ne[0])) {}
};

} // namespace

// Threads share out the rows of each matrix of dst; each packs the right-hand side for itself, which is little work.
template <cpu_attention::kind what>
void cpu_attention::run(ggml_tensor * dst, int ith, int nth, void * data) {
    const cpu_attention & self  = *static_cast<cpu_attention *>(data);
    const auto &          k     = self.kernels_;
    scratch &             s     = *self.scratch_[ith];
    const ggml_tensor *   one   = dst->src[0]; // the side that becomes panels
    const ggml_tensor *   other = dst->src[1];
    const int32_t         from  = int32_t(dst->ne[1] * ith / nth);
    const int32_t         rows  = int32_t(dst->ne[1] * (ith + 1) / nth) - from;
    const int64_t         share = other->ne[2] / (what == kind::to_left ? dst->ne[2] : one->ne[2]);
    if (rows == 0) {
        return;
    }
    for (int64_t i = 0; i < other->ne[2] * other->ne[3]; ++i) {
        const int64_t   i2 = i % other->ne[2], i3 = i / other->ne[2];
        const rows_view r(one, what == kind::to_left ? i2 : i2 / share, i3);
        const rows_view l(other, i2, i3);
        const int64_t   ld_r = round_up(r.columns, k_multiple);
        const int32_t   inner = what == kind::forward ? r.columns : r.rows;
        const int32_t   width = what == kind::forward ? r.rows : r.columns;

        s.converted.reserve((r.rows + row_slack) * ld_r);
        s.right.reserve(fused::packed_size(inner, width));
        k.convert(r.data, r.ld, r.rows, r.columns, s.converted.data(), ld_r);
        (what == kind::forward ? k.pack_transposed : k.pack)(s.converted.data(), ld_r, inner, width, s.right.data());

        fused::product<bf16> p;
        p.lda = round_up(inner, k_multiple);
        s.left.reserve((rows + row_slack) * p.lda);
        if (what == kind::to_left) { // columns of dt
            const int64_t ld = round_up(rows, k_multiple);
            s.converted.reserve(l.rows * ld);
            k.convert(l.data + from, l.ld, l.rows, rows, s.converted.data(), ld);
            k.transpose(s.converted.data(), ld, l.rows, rows, s.left.data(), p.lda);
        } else {
            k.convert(l.data + from * l.ld, l.ld, rows, l.columns, s.left.data(), p.lda);
        }
        p.a        = s.left.data();
        p.b        = s.right.data();
        p.b_stride = panel_size(inner);
        p.k        = inner;
        fused::gemm_args<bf16> args;
        args.m = rows;
        args.n = width;
        args.add(p);

        const int64_t o2  = what == kind::to_left ? i2 / share : i2;
        char *        at  = static_cast<char *>(dst->data) + o2 * dst->nb[2] + i3 * dst->nb[3];
        float *       out = reinterpret_cast<float *>(at) + from * dst->ne[0];
        (what == kind::to_left && i2 % share != 0 ? k.gemm_add : k.gemm_f32)(args, out, dst->ne[0]);
    }
}

} // namespace magnet::graph
