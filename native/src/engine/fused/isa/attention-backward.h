// Gradient of attention with respect to queries, keys and values of one kv head and its query heads.
//
// Works on transposed scores (a row per key), so that the probabilities are already the left-hand side of the gradients
// of keys and values; the gradient of the queries comes out transposed, K^T dS^T. Probabilities are recomputed from the
// log-sum-exp that the forward pass kept (arXiv 2205.14135, appendix B).
#pragma once

#include "attention.h"
#include "elementwise.h"

namespace magnet::fused {
namespace {

constexpr int32_t key_rows     = 64; // keys of one block
constexpr int32_t query_panels = 2;  // panels of queries of one block

template <class T>
struct attention_backward_memory {
    T *     keys_t;              // [head_dim, n padded]
    T *     q_nk, *q_kn;         // packed queries: [head_dim, n] and [n, head_dim]
    T *     do_nk, *do_kn;       // the same of the output's gradient
    float * lse, *delta;         // [n padded]
    float * dk, *dv;             // [n, head_dim]
    float * dq_t;                // [head_dim, n padded]
    float * s, *dp;              // [key_rows, query_panels * 32]
    T *     p, *ds;              // the same
    T *     ds_packed;           // packed [key_rows, query_panels * 32]
    int64_t padded;
    int64_t bytes;

    attention_backward_memory(char * base, int32_t n, int32_t dim) {
        constexpr int64_t tile = (key_rows + row_slack) * query_panels * 32;

        carver c{ base };
        padded    = round_up(n, 32);
        keys_t    = c.take<T>((dim + row_slack) * padded);
        q_nk      = c.take<T>(packed_size(dim, n));
        q_kn      = c.take<T>(packed_size(n, dim));
        do_nk     = c.take<T>(packed_size(dim, n));
        do_kn     = c.take<T>(packed_size(n, dim));
        lse       = c.take<float>(padded);
        delta     = c.take<float>(padded);
        dk        = c.take<float>(int64_t(n) * dim);
        dv        = c.take<float>(int64_t(n) * dim);
        dq_t      = c.take<float>(dim * padded);
        s         = c.take<float>(tile);
        dp        = c.take<float>(tile);
        p         = c.take<T>(tile);
        ds        = c.take<T>(tile);
        ds_packed = c.take<T>(packed_size(key_rows, query_panels * 32));
        bytes     = c.used;
    }
};

// p and ds of one key against a block of queries.
template <class T>
MAGNET_INLINE void score_gradient(const visibility & sees, int32_t k, const hull & queries, const bool * masked,
                                  const head_layout & heads, const float * lse, const float * delta, const float * s,
                                  const float * dp, T * p, T * ds) {
    const int32_t * threshold = sees.query_threshold(k) + queries.first * 32;
    const int32_t * position  = sees.position + queries.first * 32;
    const vi        pos       = splat_int(sees.key_position[k]);
    const vi        outside   = splat_int(sees.end_of_window(k));
    for (int32_t i = 0; i < queries.size() * 32; i += W) {
        vf score = load(s + i) * heads.scale, slope = splat(heads.scale);
        if (heads.cap > 0.0f) {
            score = capped(load(s + i), heads.scale, heads.cap);
            slope = slope * slope_of_cap(score, heads.cap);
        }
        vf e = exp(score - load(lse + queries.first * 32 + i));
        if (masked[i / 32]) {
            e = pos <= load(threshold + i) ? e : vf{};
            if (sees.window > 0) {
                e = load(position + i) < outside ? e : vf{};
            }
        }
        store(p + i, e);
        store(ds + i, e * (load(dp + i) - load(delta + queries.first * 32 + i)) * slope);
    }
}

template <class T>
static void attention_backward(const attention_backward_args<T> & a, int32_t head_kv) {
    const attention_args<T> & f     = a.forward;
    const head_layout &       l     = *f.heads;
    const visibility &        sees  = *f.sees;
    const int32_t             n     = f.n;
    const int32_t             dim   = l.head_dim;
    const int32_t             group = l.n_head / l.n_head_kv;
    const T *                 keys  = f.qkv + l.q_size() + head_kv * dim;
    const T *                 vals  = keys + l.k_size();
    const int32_t             ld    = query_panels * 32;

    const int64_t                      bytes = attention_backward_memory<T>(nullptr, n, dim).bytes;
    const attention_backward_memory<T> mem(static_cast<char *>(attention_scratch.get(bytes)), n, dim);
    transpose(keys, f.ld, n, dim, mem.keys_t, mem.padded);
    __builtin_memset(mem.dk, 0, int64_t(n) * dim * sizeof(float));
    __builtin_memset(mem.dv, 0, int64_t(n) * dim * sizeof(float));

    for (int32_t h = head_kv * group; h < (head_kv + 1) * group; ++h) {
        const T * q  = f.qkv + h * dim;
        const T * dy = a.d_out + h * dim;
        pack_transposed(q, f.ld, dim, n, mem.q_nk);
        pack(q, f.ld, n, dim, mem.q_kn);
        pack_transposed(dy, a.ld_d_out, dim, n, mem.do_nk);
        pack(dy, a.ld_d_out, n, dim, mem.do_kn);
        for (int32_t t = 0; t < mem.padded; ++t) { // a padded query has p = exp(-huge) = 0
            mem.lse[t]   = t < n ? f.lse[int64_t(h) * n + t] : -hidden;
            mem.delta[t] = t < n ? dot(dy + t * a.ld_d_out, f.out + t * f.ld_out + h * dim, dim) : 0.0f;
        }
        __builtin_memset(mem.dq_t, 0, dim * mem.padded * sizeof(float));

        for (int32_t k0 = 0; k0 < n; k0 += key_rows) {
            const int32_t rows    = min_of(key_rows, n - k0);
            const int32_t k_first = k0 / 32;
            const int32_t k_last  = (k0 + rows - 1) / 32;
            for (int32_t q_begin = 0; q_begin < sees.n_blocks; q_begin += query_panels) {
                const hull queries(q_begin, min_of(sees.n_blocks, q_begin + query_panels), [&](int32_t qb) {
                    for (int32_t k = k_first; k <= k_last; ++k) {
                        if (sees.any(qb, k)) {
                            return true;
                        }
                    }
                    return false;
                });
                if (queries.empty()) {
                    continue;
                }
                bool masked[query_panels] = {};
                for (int32_t b = 0; b < queries.size(); ++b) {
                    for (int32_t k = k_first; k <= k_last; ++k) {
                        masked[b] |= !sees.all(queries.first + b, k);
                    }
                }
                const int32_t cols   = queries.size() * 32;
                const int64_t column = int64_t(queries.first) * panel_size(dim);
                const int64_t row    = int64_t(queries.first) * 32 * 32;
                gemm_store(single(rows, cols, term(keys + k0 * f.ld, f.ld, mem.q_nk + column, panel_size(dim), dim)),
                           mem.s, ld);
                gemm_store(single(rows, cols, term(vals + k0 * f.ld, f.ld, mem.do_nk + column, panel_size(dim), dim)),
                           mem.dp, ld);
                for (int32_t r = 0; r < rows; ++r) {
                    score_gradient(sees, k0 + r, queries, masked, l, mem.lse, mem.delta, mem.s + r * ld,
                                   mem.dp + r * ld, mem.p + r * ld, mem.ds + r * ld);
                }
                pack(mem.ds, ld, rows, cols, mem.ds_packed);
                gemm_add(single(rows, dim, term(mem.p, ld, mem.do_kn + row, panel_size(n), cols)),
                         mem.dv + int64_t(k0) * dim, dim);
                gemm_add(single(rows, dim, term(mem.ds, ld, mem.q_kn + row, panel_size(n), cols)),
                         mem.dk + int64_t(k0) * dim, dim);
                gemm_add(single(dim, cols,
                                term(mem.keys_t + k0, mem.padded, mem.ds_packed, panel_size(rows), rows)),
                         mem.dq_t + queries.first * 32, mem.padded);
            }
        }
        transpose_block(reinterpret_cast<const uint32_t *>(mem.dq_t), mem.padded, dim, n,
                        reinterpret_cast<uint32_t *>(a.d_qkv + h * dim), a.ld_d_qkv);
    }
    for (int32_t t = 0; t < n; ++t) {
        float * dk = a.d_qkv + t * a.ld_d_qkv + l.q_size() + head_kv * dim;
        __builtin_memcpy(dk, mem.dk + int64_t(t) * dim, dim * sizeof(float));
        __builtin_memcpy(dk + l.k_size(), mem.dv + int64_t(t) * dim, dim * sizeof(float));
    }
}

} // namespace
} // namespace magnet::fused
