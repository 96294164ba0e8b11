// What the call sites of native/patches ask: bodies live here, so that the patches stay small. Compiled into the llama
// target; sees llama.cpp's internal headers.
#pragma once

#include "magnet-mask.h"

#include "llama-batch.h"
#include "llama-graph.h"
#include "llama-hparams.h"
#include "llama-kv-cells.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <unordered_map>
#include <vector>

// True if the roles of a batch can be honoured: known values, and all CONTEXT tokens in one ubatch (they see each other
// both ways). Logs what is wrong and what to change.
bool magnet_batch_roles_ok(const llama_batch & batch, const llama_cparams & cparams);

// Fills the pooling matrix [n_outputs, n_seqs_unq] of a ubatch that carries weights.
void magnet_set_pool_weights(const llama_ubatch & ubatch, ggml_tensor * mean);

// Leaves only what the hidden states need in a graph without memory: the output head is not computed.
void magnet_graph_drop_logits(llm_graph_result & res);

// Rows [i_beg, i_end) of the mask of a ubatch whose tokens carry roles: 0 where the key is seen, -inf elsewhere
// (-distance with ALiBi), data [n_tokens, n_kv]. key(j, seq_id, pos, role) says whether key j belongs to the sequence.
//
// Per sequence and kind of query the rule becomes one threshold per key, so a row is one comparison per key.
// Sliding windows limit how far a token looks back; they hide nothing to its right.
template <typename T, typename Key>
void magnet_fill_mask(const llama_ubatch & ubatch, uint32_t i_beg, uint32_t i_end, int64_t n_kv,
                      const llama_hparams & hparams, uint32_t n_swa, llama_swa_type swa_type, T keep, T drop,
                      T (*cast)(float), const Key & key, T * data) {
    struct thresholds {
        std::vector<int32_t> from; // magnet_mask_visible_from, INT32_MAX for keys of other sequences
        std::vector<int32_t> pos;
    };
    std::unordered_map<int32_t, thresholds> cache; // by sequence and kind of query

    for (uint32_t i = i_beg; i < i_end; ++i) {
        const llama_seq_id seq_id = ubatch.seq_id[i][0];
        const llama_pos    p1     = ubatch.pos[i];
        const int8_t       role   = ubatch.role ? ubatch.role[i] : (int8_t) MAGNET_MASK_SPAN;
        const bool         span   = role == MAGNET_MASK_SPAN;

        thresholds & keys = cache[2 * seq_id + span];
        if (keys.from.empty()) {
            keys.from.assign(n_kv, INT32_MAX);
            keys.pos.assign(n_kv, 0);
            for (int64_t j = 0; j < n_kv; ++j) {
                llama_pos p0     = 0;
                int8_t    role_k = MAGNET_MASK_SPAN;
                if (key(j, seq_id, p0, role_k)) {
                    keys.from[j] = magnet_mask_visible_from(role, role_k, p0);
                    keys.pos[j]  = p0;
                }
            }
        }

        T *             row  = data + (int64_t) i * n_kv;
        const int32_t * from = keys.from.data();
        for (int64_t j = 0; j < n_kv; ++j) {
            row[j] = from[j] <= p1 ? keep : drop;
        }

        if (swa_type != LLAMA_SWA_TYPE_NONE || hparams.use_alibi) {
            for (int64_t j = 0; j < n_kv; ++j) {
                const llama_pos p0 = keys.pos[j];
                if (from[j] > p1) {
                    continue;
                }
                if (llama_hparams::is_masked_swa(n_swa, swa_type, p0, p1)) {
                    row[j] = drop;
                } else if (hparams.use_alibi) {
                    row[j] = cast(-std::abs((float) (p0 - p1)));
                }
            }
        }
    }
}
