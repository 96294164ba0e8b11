#include "targets.h"

#include "base/error.h"
#include "base/log.h"
#include "llama/magnet-llama.h"
#include "magnet-mask.h"
#include "model/context.h"
#include "rewrite.h"
#include "runner.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <set>
#include <string>
#include <utility>

namespace magnet::graph {

namespace {

// Adapters of rank 1 without data, on every matrix that the builders multiply by.
struct probe_adapters {
    ggml_context_ptr          context;
    std::vector<lora_tensors> terms;
};

void build_two_tokens(forward_graph & graph) {
    token_batch batch;
    batch.add(0, 0, MAGNET_MASK_SPAN, 0, true);
    batch.add(0, 1, MAGNET_MASK_SPAN, 0, true);
    graph.build(batch.view(false), false, 8);
}

bool uses(const forward_graph & graph, const ggml_tensor * t) {
    for (int i = 0; i < ggml_graph_n_nodes(graph.graph()); ++i) {
        if (ggml_graph_node(graph.graph(), i)->src[0] == t) {
            return true;
        }
    }
    return false;
}

// Builds the graph with them; what it does not read is not adaptable. A matrix that several layers share counts once.
probe_adapters probe(forward_graph & graph, const llama_model * model) {
    graph.set_lora({});
    build_two_tokens(graph);
    if (!graph.hidden()) {
        throw error(MAGNET_STATUS_UNSUPPORTED, "the graph of this architecture does not show its hidden states.");
    }
    const int                 n_nodes = ggml_graph_n_nodes(graph.graph());
    probe_adapters            all;
    std::vector<lora_tensors> read;
    std::set<std::string>     seen;
    all.context = make_context(2 * (size_t) n_nodes);
    for (int i = 0; i < n_nodes; ++i) {
        const ggml_tensor * node = ggml_graph_node(graph.graph(), i);
        const ggml_tensor * w    = node->op == GGML_OP_MUL_MAT ? node->src[0] : nullptr;
        if (w && w->ne[2] == 1 && llama_weight(model, w->name) == w && seen.insert(w->name).second) {
            all.terms.push_back({ w->name, ggml_new_tensor_2d(all.context.get(), GGML_TYPE_F32, w->ne[0], 1),
                                  ggml_new_tensor_2d(all.context.get(), GGML_TYPE_F32, 1, w->ne[1]) });
        }
    }
    graph.set_lora(all.terms);
    build_two_tokens(graph);
    for (const lora_tensors & term : all.terms) {
        if (uses(graph, term.a)) {
            read.push_back(term);
        }
    }
    all.terms = read;
    return all;
}

// Where a matrix comes in the forward pass: its block, then what it does there. A graph lists values before queries.
std::pair<int32_t, int32_t> place_of(const std::string & target) {
    static const char * const order[] = { "attn_qkv.", "attn_q.",   "attn_k.", "attn_v.", "attn_output.",
                                          "ffn_gate.", "ffn_up.", "ffn_down." };
    int32_t                   block = -1, role = 0;
    sscanf(target.c_str(), "blk.%d.", &block);
    while (role < (int32_t) std::size(order) && target.find(order[role]) == std::string::npos) {
        ++role;
    }
    return { block, role };
}

} // namespace

std::vector<lora_matrix> adaptable_matrices(forward_graph & graph, const llama_model * model) {
    const probe_adapters     probes = probe(graph, model);
    std::vector<lora_matrix> found;
    for (const lora_tensors & term : probes.terms) {
        found.push_back({ term.target, (int32_t) term.a->ne[0], (int32_t) term.b->ne[1], {}, {} });
    }
    graph.set_lora({});
    std::stable_sort(found.begin(), found.end(), [](const lora_matrix & a, const lora_matrix & b) {
        return place_of(a.target) < place_of(b.target);
    });
    return found;
}

llama_context_ptr make_training_context(llama_model * model, int32_t n_threads) {
    if (llama_attention_kind(model) != attention_kind::plain) {
        throw error(MAGNET_STATUS_UNSUPPORTED, "its attention does not go through llama.cpp's common builders (it is "
                                               "recurrent, latent or an encoder), so it cannot be trained.");
    }
    llama_context_params p = llama_context_default_params();
    p.n_ctx = p.n_batch = p.n_ubatch = 64; // what it reserves; graphs of any size are built without it
    p.n_seq_max                      = 1;
    p.n_threads = p.n_threads_batch  = n_threads;
    p.pooling_type                   = LLAMA_POOLING_TYPE_NONE;
    p.flash_attn_type                = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    p.embeddings                     = true;
    p.kv_unified                     = true;
    p.no_memory                      = true;
    log_capture       capture(/*warns=*/false);
    llama_context_ptr c(llama_init_from_model(model, p));
    if (!c) {
        throw error(MAGNET_STATUS_OUT_OF_MEMORY, "llama.cpp cannot make a context" + capture.reason() + ".");
    }
    return c;
}

} // namespace magnet::graph

namespace magnet {

bool graph_engine_trains(llama_model * model, std::string & why) {
    using namespace graph;
    try {
        const auto           context = make_training_context(model, 1);
        forward_graph        graph(context.get());
        const probe_adapters probes = probe(graph, model);
        if (probes.terms.empty()) {
            throw error(MAGNET_STATUS_UNSUPPORTED, "it has no matrix that llama.cpp's builders adapt.");
        }
        std::vector<ggml_tensor *> leaves;
        for (const lora_tensors & term : probes.terms) {
            leaves.push_back(term.a);
            leaves.push_back(term.b);
        }
        const graph_runner  runner(llama_backends(context.get()));
        frozen_weights      shapes(/*exact =*/ false, /*shapes_only =*/ true);
        const product_rules rules = { shapes, false, nullptr };
        const auto          check = [&](ggml_tensor * output, const std::vector<ggml_tensor *> & of) {
            add_gradients(graph, output, ggml_dup_tensor(graph.context(), output), of, rules);
            runner.check(graph.graph());
        };
        check(graph.hidden(), leaves);
        build_head(graph, 2, rules);
        check(graph.logits(), { graph.hidden() });
        why.clear();
        return true;
    } catch (const error & e) {
        why = e.what();
        return false;
    }
}

} // namespace magnet
