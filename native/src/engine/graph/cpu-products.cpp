#include "cpu-products.h"

#include "engine/fused/kernel-choice.h"
#include "frozen-weights.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace magnet::graph {

using fused::buffer;
using fused::gemm_args;
using fused::k_multiple;
using fused::panel_size;
using fused::panel_width;
using fused::round_up;
using fused::row_slack;

struct cpu_products::scratch {
    buffer<bf16>  left[fused::max_terms];
    buffer<bf16>  converted, turned, right;
    buffer<float> out;
};

cpu_products::cpu_products(int32_t n_threads) : kernels_(*fused::choose_kernels("").bf16_table), attention_(n_threads) {
    for (int32_t i = 0; i < n_threads; ++i) {
        scratch_.push_back(std::make_unique<scratch>());
    }
}

cpu_products::~cpu_products() = default;

// ------------------------------------------------------------------------------------------------ matrices

void cpu_products::pack(matrix & m, const std::vector<float> & values, int64_t n_in, int64_t n_out) const {
    m.forward  = packed(int32_t(n_in), int32_t(n_out));
    m.backward = packed();
    fused::rounded_matrix<bf16>(values.data(), int32_t(n_out), int32_t(n_in), kernels_).pack_forward(m.forward);
}

const cpu_products::packed & cpu_products::backward(matrix & m) const {
    if (m.backward.n == 0) {
        m.backward = fused::transposed(m.forward);
    }
    return m.backward;
}

cpu_products::matrix & cpu_products::weight(const ggml_tensor * w) {
    std::unique_ptr<matrix> & m = weights_[w];
    if (!m) {
        m = std::make_unique<matrix>();
        pack(*m, weight_values(w), w->ne[0], w->ne[1]);
    }
    return *m;
}

void cpu_products::set_lora(const std::vector<lora_tensors> & terms) {
    adapters_.clear();
    adapter_of_.clear();
    for (const lora_tensors & t : terms) {
        adapters_.push_back(std::make_unique<adapter>());
        adapter & one      = *adapters_.back();
        one.a              = t.a;
        one.b              = t.b;
        one.scale          = t.scale;
        adapter_of_[t.b]   = &one;
        std::vector<float> a = weight_values(t.a);
        for (float & v : a) {
            v *= t.scale;
        }
        pack(one.scaled_a, a, t.a->ne[0], t.a->ne[1]);
        pack(one.packed_b, weight_values(t.b), t.b->ne[0], t.b->ne[1]);
    }
}

void cpu_products::count(device_memory & memory) const {
    int64_t sum = 0;
    for (const auto & entry : weights_) {
        sum += entry.second->forward.data.bytes() + entry.second->backward.data.bytes();
    }
    memory.add("copies", ggml_backend_cpu_buffer_type(), sum);
}

// ------------------------------------------------------------------------------------------------ the graph

cpu_products::product & cpu_products::new_product() {
    products_.push_back(std::make_unique<product>());
    products_.back()->self = this;
    return *products_.back();
}

// Makes a node of the same shape the custom op of p. Leaves are among its sources so that gradients reach them.
void cpu_products::become(ggml_context * context, ggml_tensor * node, product & p) {
    std::vector<ggml_tensor *> sources;
    for (const term & t : p.terms) {
        sources.push_back(t.input);
    }
    for (const term & t : p.terms) {
        if (t.trained) {
            sources.push_back(t.trained);
        }
    }
    ggml_tensor * op = ggml_custom_4d(context, GGML_TYPE_F32, 1, 1, 1, 1, sources.data(), int(sources.size()),
                                      run_product, GGML_N_TASKS_MAX, &p);
    node->op = op->op;
    std::copy(std::begin(op->src), std::end(op->src), std::begin(node->src));
    memcpy(node->op_params, op->op_params, sizeof(op->op_params));
    product_of_[node] = &p;
}

static bool is_stored_matrix(const ggml_tensor * w) {
    return is_stored(w) && w->ne[1] > 1 && w->ne[2] == 1 && w->ne[3] == 1;
}

// add = product so far + scale (B (A x)): one more term. False if it is something else.
bool cpu_products::fuse_adapter(ggml_context * context, ggml_tensor * add) {
    const auto          base   = product_of_.find(add->src[0]);
    const ggml_tensor * scaled = add->src[1];
    if (base == product_of_.end() || scaled->op != GGML_OP_SCALE || scaled->src[0]->op != GGML_OP_MUL_MAT ||
        base->second->terms.size() == 4) { // sources of an op are ten
        return false;
    }
    ggml_tensor * high  = scaled->src[0];
    ggml_tensor * low   = high->src[1];
    const auto    found = adapter_of_.find(high->src[0]);
    if (found == adapter_of_.end() || low->op != GGML_OP_MUL_MAT || low->src[0] != found->second->a) {
        return false;
    }
    adapter & one  = *found->second;
    product & down = new_product();
    down.terms     = { { low->src[1], &one.scaled_a, one.a, one.scale } };
    become(context, low, down);
    product & sum = new_product();
    sum.terms     = base->second->terms;
    sum.terms.push_back({ low, &one.packed_b, one.b, 1.0f });
    become(context, add, sum);
    return true;
}

void cpu_products::rewrite(ggml_context * context, ggml_cgraph * graph) {
    products_.clear();
    product_of_.clear();
    const int n_nodes = ggml_graph_n_nodes(graph);
    for (int i = 0; i < n_nodes; ++i) {
        ggml_tensor * node = ggml_graph_node(graph, i);
        if (node->op == GGML_OP_MUL_MAT && is_stored_matrix(node->src[0]) && node->src[1]->type == GGML_TYPE_F32 &&
            ggml_is_contiguous(node->src[1]) && std::none_of(adapters_.begin(), adapters_.end(), [&](const auto & one) {
                return node->src[0] == one->a || node->src[0] == one->b;
            })) {
            product & p = new_product();
            p.terms     = { { node->src[1], &weight(node->src[0]), nullptr, 1.0f } };
            become(context, node, p);
        } else if (node->op == GGML_OP_ADD) {
            fuse_adapter(context, node);
        }
    }
    attention_.rewrite(context, graph);
}

ggml_tensor * cpu_products::times_backward(const derivative & d, const term & t) {
    product & p   = new_product();
    p.backward    = true;
    p.terms       = { { d.g, t.m, nullptr, 1.0f } };
    ggml_tensor * sources[] = { d.g };
    backward(*t.m); // now, not by several threads at once
    ggml_tensor * like = t.input;
    return ggml_custom_4d(d.ctx, GGML_TYPE_F32, like->ne[0], like->ne[1], like->ne[2], like->ne[3], sources, 1,
                          run_product, GGML_N_TASKS_MAX, &p);
}

// Gradient of a leaf [k, n] that took input [k, tokens] to node [n, tokens]; the narrow one of the two goes left.
ggml_tensor * cpu_products::sum_over_tokens(const derivative & d, const term & t) {
    product & p = new_product();
    p.scale     = t.scale;
    p.turned    = t.input->ne[0] < d.g->ne[0];
    ggml_tensor * sources[] = { p.turned ? t.input : d.g, p.turned ? d.g : t.input };
    return ggml_custom_4d(d.ctx, GGML_TYPE_F32, t.trained->ne[0], t.trained->ne[1], 1, 1, sources, 2, run_sum,
                          GGML_N_TASKS_MAX, &p);
}

bool cpu_products::derive(const derivative & d) {
    const auto found = product_of_.find(d.node);
    if (found == product_of_.end()) {
        return attention_.derive(d);
    }
    const std::vector<term> terms = found->second->terms;
    for (const term & t : terms) {
        if (d.needs_tensor(t.input)) {
            d.add_to(t.input, times_backward(d, t));
        }
        if (t.trained && d.needs_tensor(t.trained)) {
            d.add_to(t.trained, sum_over_tokens(d, t));
        }
    }
    return true;
}

// ------------------------------------------------------------------------------------------------ the work

void cpu_products::run_product(ggml_tensor * dst, int ith, int nth, void * data) {
    const product & p       = *static_cast<const product *>(data);
    const auto &    kernels = p.self->kernels_;
    scratch &       s       = *p.self->scratch_[ith];
    const int64_t   n_rows  = ggml_nrows(dst);
    const int64_t   from    = n_rows * ith / nth;
    const int32_t   rows    = int32_t(n_rows * (ith + 1) / nth - from);
    if (rows == 0) {
        return;
    }
    gemm_args<bf16> args;
    args.m = rows;
    args.n = int32_t(dst->ne[0]);
    for (size_t i = 0; i < p.terms.size(); ++i) {
        const ggml_tensor * x     = dst->src[i];
        const packed &      right = p.backward ? p.terms[i].m->backward : p.terms[i].m->forward;
        const int64_t       ld    = round_up(right.k, k_multiple);
        const float *       first = static_cast<const float *>(x->data) + from * right.k;
        s.left[i].reserve((rows + row_slack) * ld);
        kernels.convert(first, right.k, rows, right.k, s.left[i].data(), ld);
        args.add(right.times(s.left[i].data(), ld));
    }
    kernels.gemm_f32(args, static_cast<float *>(dst->data) + from * dst->ne[0], dst->ne[0]);
}

// Each thread takes columns of the right-hand side.
void cpu_products::run_sum(ggml_tensor * dst, int ith, int nth, void * data) {
    const product & p        = *static_cast<const product *>(data);
    const auto &    kernels  = p.self->kernels_;
    scratch &       s        = *p.self->scratch_[ith];
    const int32_t   n_tokens = int32_t(ggml_nrows(dst->src[0]));
    const int32_t   m        = int32_t(dst->src[0]->ne[0]);
    const int64_t   n        = dst->src[1]->ne[0];
    const int64_t   n_panels = (n + panel_width - 1) / panel_width;
    const int64_t   from     = n_panels * ith / nth * panel_width;
    const int32_t   columns  = int32_t(std::min(n, n_panels * (ith + 1) / nth * panel_width) - from);
    if (columns <= 0) {
        return;
    }
    const int64_t ld = round_up(columns, k_multiple), ld_m = round_up(m, k_multiple);
    const int64_t ld_t = round_up(n_tokens, k_multiple);
    s.converted.reserve(n_tokens * std::max(ld, ld_m));
    s.turned.reserve((m + row_slack) * ld_t);
    s.right.reserve(fused::packed_size(n_tokens, columns));
    s.out.reserve(m * ld);
    kernels.convert(static_cast<const float *>(dst->src[0]->data), m, n_tokens, m, s.converted.data(), ld_m);
    kernels.transpose(s.converted.data(), ld_m, n_tokens, m, s.turned.data(), ld_t);
    kernels.convert(static_cast<const float *>(dst->src[1]->data) + from, n, n_tokens, columns, s.converted.data(), ld);
    kernels.pack(s.converted.data(), ld, n_tokens, columns, s.right.data());

    gemm_args<bf16>      args;
    fused::product<bf16> one;
    one.a        = s.turned.data();
    one.lda      = ld_t;
    one.b        = s.right.data();
    one.b_stride = panel_size(n_tokens);
    one.k        = n_tokens;
    args.m       = m;
    args.n       = columns;
    args.add(one);
    kernels.gemm_f32(args, s.out.data(), ld);
    float * to = static_cast<float *>(dst->data);
    for (int32_t r = 0; r < m; ++r) {
        for (int32_t c = 0; c < columns; ++c) {
            const float v = p.scale * s.out[r * ld + c];
            (p.turned ? to[(from + c) * m + r] : to[r * n + from + c]) = v;
        }
    }
}

} // namespace magnet::graph
