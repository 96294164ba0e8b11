#include "magnet-graph.h"

#include "llama-adapter.h"
#include "llama-batch.h"
#include "llama-context.h"
#include "llama-graph.h"
#include "llama-model.h"
#include "base/error.h"
#include "magnet-hooks.h"

namespace magnet {

struct forward_graph::state {
    explicit state(llama_context * context)
        : ctx(context), model(context->get_model()), batches(model.hparams.n_pos_per_embd()) {}

    llama_context *                                  ctx;
    const llama_model &                              model;
    llama_batch_allocr                               batches;
    llama_ubatch                                     ubatch = {};
    llama_adapter_cvec                               no_cvec;
    llama_cross                                      no_cross;
    llama_adapter_loras                              loras; // what the builders read
    std::vector<std::unique_ptr<llama_adapter_lora>> owned;
    std::unique_ptr<llm_graph_result>                result;
    size_t                                           n_terms = 0;
};

forward_graph::forward_graph(llama_context * context) : s(std::make_unique<state>(context)) {}

forward_graph::~forward_graph() = default;

void forward_graph::set_lora(const std::vector<lora_tensors> & terms) {
    s->loras.clear();
    s->owned.clear();
    s->n_terms = terms.size();
    for (const lora_tensors & term : terms) {
        // one of llama.cpp's adapters has one scale, and one term for each target
        llama_adapter_lora * home = nullptr;
        for (const auto & adapter : s->owned) {
            if (s->loras.at(adapter.get()) == term.scale && adapter->ab_map.count(term.target) == 0) {
                home = adapter.get();
                break;
            }
        }
        if (!home) {
            s->owned.push_back(std::make_unique<llama_adapter_lora>(const_cast<llama_model *>(&s->model)));
            home           = s->owned.back().get();
            home->alpha    = 0.0f; // the scale is the one given
            s->loras[home] = term.scale;
        }
        home->ab_map[term.target] = { term.a, term.b };
    }
}

void forward_graph::build(const llama_batch & batch, bool head, int32_t room) {
    llama_cparams cparams = s->ctx->get_cparams();
    if (!s->batches.init(batch, s->model.vocab, nullptr, s->model.hparams.n_embd_inp(), LLAMA_MAX_SEQ, true)) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "llama.cpp refuses the batch: a token is not in the vocabulary, or two "
                                                    "tokens of one row have the same position.");
    }
    s->ubatch             = s->batches.split_simple((uint32_t) batch.n_tokens);
    cparams.embeddings    = true;
    cparams.output_logits = head;

    const int64_t max_nodes =
        room * ((int64_t) s->ctx->graph_max_nodes(s->ubatch.n_tokens) + 6 * (int64_t) s->n_terms);
    if (s->result && s->result->get_max_nodes() >= max_nodes) {
        s->result->reset(); // its memory is warm
    } else {
        s->result = std::make_unique<llm_graph_result>(max_nodes);
    }

    llm_graph_params params = {};
    params.arch             = s->model.arch;
    params.hparams          = s->model.hparams;
    params.cparams          = cparams;
    params.ubatch           = s->ubatch;
    params.gtype            = LLM_GRAPH_TYPE_ENCODER;
    params.sched            = s->ctx->get_sched();
    params.cvec             = &s->no_cvec;
    params.loras            = &s->loras;
    params.cross            = &s->no_cross;
    params.n_outputs        = s->ubatch.n_tokens;
    params.res              = s->result.get();
    params.cb               = [](const llama_ubatch &, ggml_tensor * t, const char * name, int il) {
        if (il >= 0) {
            ggml_format_name(t, "%s-%d", name, il);
        } else {
            ggml_set_name(t, name);
        }
    };
    s->model.build_graph(params);
}

ggml_context * forward_graph::context() const { return s->result->get_ctx(); }

ggml_cgraph * forward_graph::graph() const { return s->result->get_gf(); }

ggml_tensor * forward_graph::hidden() const { return s->result->get_embd(); }

ggml_tensor * forward_graph::logits() const { return s->result->get_logits(); }

void forward_graph::set_inputs() { s->result->set_inputs(&s->ubatch); }

std::vector<ggml_backend_t> llama_backends(llama_context * context) {
    ggml_backend_sched_t        sched = context->get_sched();
    std::vector<ggml_backend_t> backends;
    for (int i = 0; i < ggml_backend_sched_get_n_backends(sched); ++i) {
        backends.push_back(ggml_backend_sched_get_backend(sched, i));
    }
    return backends;
}

std::map<ggml_backend_buffer_type_t, size_t> llama_weight_bytes(const llama_model * model) {
    return model->memory_breakdown();
}

ggml_tensor * llama_weight(const llama_model * model, const std::string & name) {
    return const_cast<ggml_tensor *>(model->get_tensor(name.c_str()));
}

} // namespace magnet
