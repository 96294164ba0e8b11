#include "magnet-hooks.h"

#include "magnet-llama.h"

#include "llama-context.h"
#include "llama-impl.h"
#include "llama-kv-cache-iswa.h"
#include "llama-kv-cache.h"
#include "llama-model.h"

#include <cstring>

bool magnet_batch_roles_ok(const llama_batch & batch, const llama_cparams & cparams) {
    if (!batch.roles) {
        return true;
    }

    bool has_context = false;
    for (int32_t i = 0; i < batch.n_tokens; ++i) {
        if (batch.roles[i] < MAGNET_MASK_SPAN || batch.roles[i] > MAGNET_MASK_ORDERED) {
            LLAMA_LOG_ERROR("%s: token %d has the unknown attention role %d\n", __func__, i, batch.roles[i]);
            return false;
        }
        has_context = has_context || batch.roles[i] == MAGNET_MASK_CONTEXT;
    }

    if (has_context && (uint32_t) batch.n_tokens > cparams.n_ubatch) {
        LLAMA_LOG_ERROR("%s: CONTEXT tokens see each other both ways and must be in one ubatch: n_tokens = %d > n_ubatch "
                        "= %u; make the context with a larger n_ubatch, or use ORDERED\n",
                        __func__, batch.n_tokens, cparams.n_ubatch);
        return false;
    }
    if (has_context && !cparams.kv_unified && cparams.n_seq_max > 1) {
        LLAMA_LOG_ERROR("%s: CONTEXT tokens need a unified KV cache (kv_unified) when n_seq_max > 1\n", __func__);
        return false;
    }

    return true;
}

void magnet_set_pool_weights(const llama_ubatch & ubatch, ggml_tensor * mean) {
    GGML_ASSERT(ggml_backend_buffer_is_host(mean->buffer));

    const int64_t n_outputs = mean->ne[0];
    float *       data      = (float *) mean->data;
    memset(data, 0, ggml_nbytes(mean));

    int64_t o = 0; // the graph's outputs are the ubatch's output tokens, in order
    for (uint32_t i = 0; i < ubatch.n_tokens; ++i) {
        if (!ubatch.output[i]) {
            continue;
        }
        data[ubatch.seq_idx[ubatch.seq_id[i][0]] * n_outputs + o] = ubatch.pool[i];
        ++o;
    }
}

void magnet_graph_drop_logits(llm_graph_result & res) {
    ggml_tensor * out = res.t_embd_pooled ? res.t_embd_pooled : res.t_embd;
    GGML_ASSERT(out);

    ggml_graph_clear(res.gf);
    ggml_build_forward_expand(res.gf, out);
    res.t_logits = nullptr;
}

void llama_kv_cache::seq_role(llama_seq_id seq_id, llama_pos p0, llama_pos p1, int8_t role) {
    auto & cells = v_cells[seq_to_stream[seq_id]];

    for (uint32_t i = 0; i < cells.size(); ++i) {
        if (cells.pos_in(i, p0, p1) && cells.seq_has(i, seq_id)) {
            llama_kv_cell_ext ext = cells.ext_get(i);
            ext.role              = role;
            cells.ext_set(i, ext);
        }
    }

    has_roles = has_roles || role != MAGNET_MASK_SPAN;
}

bool llama_memory_seq_role(llama_memory_t mem, llama_seq_id seq_id, llama_pos p0, llama_pos p1, int8_t role) {
    if (auto * iswa = dynamic_cast<llama_kv_cache_iswa *>(mem)) {
        iswa->get_base()->seq_role(seq_id, p0, p1, role);
        iswa->get_swa()->seq_role(seq_id, p0, p1, role);
        return true;
    }
    if (auto * kv = dynamic_cast<llama_kv_cache *>(mem)) {
        kv->seq_role(seq_id, p0, p1, role);
        return true;
    }
    return false;
}

namespace magnet {

// The cases are those of llama_model::create_memory: what it gives no memory is no decoder, what it gives a cache of
// its own has no attention builder that the roles go through.
attention_kind llama_attention_kind(const llama_model * model) {
    if (llama_model_has_encoder(model) || !llama_model_has_decoder(model)) {
        return attention_kind::encoder;
    }
    if (llama_model_is_recurrent(model) || llama_model_is_hybrid(model) || llama_model_is_diffusion(model)) {
        return attention_kind::recurrent;
    }

    switch (model->arch) {
        case LLM_ARCH_BERT:
        case LLM_ARCH_JINA_BERT_V2:
        case LLM_ARCH_JINA_BERT_V3:
        case LLM_ARCH_NOMIC_BERT:
        case LLM_ARCH_NOMIC_BERT_MOE:
        case LLM_ARCH_NEO_BERT:
        case LLM_ARCH_EUROBERT:
        case LLM_ARCH_WAVTOKENIZER_DEC:
        case LLM_ARCH_MODERN_BERT:
        case LLM_ARCH_GEMMA_EMBEDDING:
        case LLM_ARCH_DREAM:
        case LLM_ARCH_LLADA:
        case LLM_ARCH_LLADA_MOE:
        case LLM_ARCH_RND1:            return attention_kind::encoder;
        case LLM_ARCH_MINIMAX_M3:
        case LLM_ARCH_GLM_DSA:
        case LLM_ARCH_DEEPSEEK32:
        case LLM_ARCH_HY_V4:
        case LLM_ARCH_DOTS3NOTE:
        case LLM_ARCH_DFLASH:
        case LLM_ARCH_DEEPSEEK4:       return attention_kind::special;
        default:                       return model->hparams.is_mla() ? attention_kind::special : attention_kind::plain;
    }
}

int64_t llama_cache_values_per_token(const llama_model * model) {
    int64_t n = 0;
    for (int32_t il = 0; il < llama_model_n_layer(model); ++il) {
        n += model->hparams.n_embd_k_gqa(il) + model->hparams.n_embd_v_gqa(il);
    }
    return n;
}

bool llama_cache_takes_8_bits(const llama_model * model) {
    const uint32_t block = ggml_blck_size(GGML_TYPE_Q8_0);
    for (int32_t il = 0; il < llama_model_n_layer(model); ++il) {
        if (model->hparams.n_embd_head_k(il) % block != 0 || model->hparams.n_embd_head_v(il) % block != 0) {
            return false;
        }
    }
    return true;
}

} // namespace magnet
