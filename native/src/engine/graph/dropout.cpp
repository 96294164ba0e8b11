#include "dropout.h"

#include "engine/dropout.h"
#include "engine/fused/kernel-choice.h"

#include <map>

namespace magnet::graph {

static std::vector<float> mask_of(const engine_dropout & how, const std::vector<token_place> & tokens, int32_t matrix,
                                  int64_t n_in) {
    const int32_t         n = (int32_t) tokens.size();
    std::vector<uint32_t> keys;
    for (const token_place & t : tokens) {
        keys.push_back(dropout_key(how.seed, t.row, t.token, matrix));
    }
    const fused::dropout_mask mask = { keys.data(), dropout_threshold(how.p), dropout_scale(how.p) };
    const std::vector<float>  ones(n_in, 1.0f);
    std::vector<float>        values(n * n_in);
    fused::choose_kernels("").f32_table->drop(ones.data(), 0, n, (int32_t) n_in, mask, values.data(), n_in);
    return values;
}

void graph_dropout::apply(ggml_context * context, ggml_cgraph * graph, const graph_adapters & adapters,
                          const engine_dropout & how, const std::vector<token_place> & tokens) {
    buffers_.clear();
    contexts_.clear();
    if (how.p <= 0.0f) {
        return;
    }
    std::map<const ggml_tensor *, const lora_tensors *> term_of; // by A
    for (const lora_tensors & term : adapters.terms()) {
        term_of[term.a] = &term;
    }
    std::map<int32_t, ggml_tensor *> masks; // by target
    for (int i = 0, n = ggml_graph_n_nodes(graph); i < n; ++i) {
        ggml_tensor * node = ggml_graph_node(graph, i);
        const auto    term = node->op == GGML_OP_MUL_MAT ? term_of.find(node->src[0]) : term_of.end();
        if (term == term_of.end()) {
            continue;
        }
        const int32_t  target = adapters.target(term->second->target);
        ggml_tensor *& mask   = masks[target];
        if (!mask) {
            contexts_.push_back(make_context(1));
            mask = ggml_new_tensor_2d(contexts_.back().get(), GGML_TYPE_F32, node->src[1]->ne[0],
                                      (int64_t) tokens.size());
            buffers_.push_back(allocate(contexts_.back().get(), companion_buffer_type(node->src[0])));
            const std::vector<float> values = mask_of(how, tokens, target, mask->ne[0]);
            ggml_backend_tensor_set(mask, values.data(), 0, ggml_nbytes(mask));
        }
        ggml_tensor * x = node->src[1];
        node->src[1]    = ggml_mul(context, x, ggml_reshape_4d(context, mask, x->ne[0], x->ne[1], x->ne[2], x->ne[3]));
    }
}

} // namespace magnet::graph
