// Attention of one row in blocks, with the softmax carried along (FlashAttention, arXiv 2205.14135): memory grows with
// the length of the row, not with its square, and blocks that the mask hides are never computed.
#pragma once

#include "elementwise.h"
#include "gemm.h"
#include "pack.h"

namespace magnet::fused {
namespace {

constexpr int32_t query_rows = 48;  // queries of one block
constexpr int32_t key_panels = 4;   // panels of keys of one block
constexpr float   hidden     = -1e30f;

static thread_local scratch attention_scratch;

// Cuts one piece of memory into arrays; first run with base = nullptr to learn the size.
struct carver {
    char *  base;
    int64_t used = 0;

    template <class E>
    E * take(int64_t n) {
        E * p = reinterpret_cast<E *>(base + used);
        used += round_up(n * int64_t(sizeof(E)), 64);
        return p;
    }
};

// First and last panel in [begin, end) that a test holds for; empty if last < first.
struct hull {
    int32_t first = 0;
    int32_t last  = -1;

    template <class Test>
    hull(int32_t begin, int32_t end, Test && test) {
        for (int32_t b = begin; b < end; ++b) {
            if (test(b)) {
                first = last < 0 ? b : first;
                last  = b;
            }
        }
    }
    bool    empty() const { return last < 0; }
    int32_t size() const { return last - first + 1; }
};

template <class T>
MAGNET_INLINE product<T> term(const T * a, int64_t lda, const T * b, int64_t b_stride, int32_t k) {
    product<T> p;
    p.a        = a;
    p.lda      = lda;
    p.b        = b;
    p.b_stride = b_stride;
    p.k        = k;
    return p;
}

template <class T>
MAGNET_INLINE gemm_args<T> single(int32_t m, int32_t n, const product<T> & p) {
    gemm_args<T> g;
    g.m = m;
    g.n = n;
    g.add(p);
    return g;
}

template <class T>
struct attention_memory {
    T *     keys;   // packed [head_dim, n]
    T *     values; // packed [n, head_dim]
    float * scores; // [query_rows, key_panels * 32]
    T *     probs;  // the same
    float * sums;   // [query_rows, head_dim]
    int64_t bytes;

    attention_memory(char * base, int32_t n, int32_t head_dim) {
        carver c{ base };
        keys   = c.take<T>(packed_size(head_dim, n));
        values = c.take<T>(packed_size(n, head_dim));
        scores = c.take<float>(query_rows * key_panels * 32);
        probs  = c.take<T>((query_rows + row_slack) * key_panels * 32);
        sums   = c.take<float>(query_rows * round_up(head_dim, 32));
        bytes  = c.used;
    }
};

// One block of scores of one query: scale, mask, exponentials. Returns the sum; max is the running maximum.
template <class T>
MAGNET_INLINE float softmax_block(const visibility & sees, int32_t q, const hull & keys, const bool * masked,
                                  float scale, float * s, T * p, float & max) {
    const int32_t * threshold = sees.key_threshold(q);
    const vi        pos       = splat_int(sees.position[q]);
    vf              maxima    = splat(max);
    for (int32_t b = 0; b < keys.size(); ++b) {
        for (int32_t i = b * 32; i < b * 32 + 32; i += W) {
            vf x = load(s + i) * scale;
            if (masked[b]) {
                x = load(threshold + keys.first * 32 + i) <= pos ? x : splat(hidden);
            }
            store(s + i, x);
            maxima = max_of(maxima, x);
        }
    }
    max     = max_in(maxima);
    vf sums = {};
    for (int32_t i = 0; i < keys.size() * 32; i += W) {
        const vf e = exp(load(s + i) - max);
        store(p + i, e);
        sums += e;
    }
    return sum(sums);
}

template <class T>
static void attention(const attention_args<T> & a, int32_t head_kv, int32_t begin, int32_t end) {
    const head_layout & l     = *a.heads;
    const visibility &  sees  = *a.sees;
    const int32_t       dim   = l.head_dim;
    const int32_t       group = l.n_head / l.n_head_kv;

    const int64_t             bytes = attention_memory<T>(nullptr, a.n, dim).bytes;
    const attention_memory<T> mem(static_cast<char *>(attention_scratch.get(bytes)), a.n, dim);
    pack_transposed(a.qkv + l.q_size() + head_kv * dim, a.ld, dim, a.n, mem.keys);
    pack(a.qkv + l.q_size() + l.k_size() + head_kv * dim, a.ld, a.n, dim, mem.values);

    const int32_t n_steps = (end - begin + query_rows - 1) / query_rows;
    for (int32_t step = 0; step < n_steps; ++step) {
        const int32_t q0      = begin + int32_t(int64_t(end - begin) * step / n_steps);
        const int32_t rows    = begin + int32_t(int64_t(end - begin) * (step + 1) / n_steps) - q0;
        const int32_t q_first = q0 / 32;
        const int32_t q_last  = (q0 + rows - 1) / 32;
        for (int32_t h = head_kv * group; h < (head_kv + 1) * group; ++h) {
            float max[query_rows], total[query_rows];
            for (int32_t r = 0; r < rows; ++r) {
                max[r]   = hidden;
                total[r] = 0.0f;
            }
            bool first = true;
            for (int32_t k_begin = 0; k_begin < sees.n_blocks; k_begin += key_panels) {
                const hull keys(k_begin, min_of(sees.n_blocks, k_begin + key_panels), [&](int32_t k) {
                    for (int32_t q = q_first; q <= q_last; ++q) {
                        if (sees.any(q, k)) {
                            return true;
                        }
                    }
                    return false;
                });
                if (keys.empty()) {
                    continue;
                }
                bool masked[key_panels] = {};
                for (int32_t b = 0; b < keys.size(); ++b) {
                    for (int32_t q = q_first; q <= q_last; ++q) {
                        masked[b] |= !sees.all(q, keys.first + b);
                    }
                }
                const int32_t n_keys = keys.size() * 32;
                const int32_t ld     = key_panels * 32;
                gemm_store(single(rows, n_keys,
                                  term(a.qkv + q0 * a.ld + h * dim, a.ld, mem.keys + keys.first * panel_size(dim),
                                       panel_size(dim), dim)),
                           mem.scores, ld);
                for (int32_t r = 0; r < rows; ++r) {
                    const float before = max[r];
                    const float block  = softmax_block(sees, q0 + r, keys, masked, l.scale, mem.scores + r * ld,
                                                       mem.probs + r * ld, max[r]);
                    const float decay  = first ? 0.0f : __builtin_expf(before - max[r]);
                    total[r]           = total[r] * decay + block;
                    if (!first && decay != 1.0f) {
                        for (int32_t c = 0; c < dim; ++c) {
                            mem.sums[r * dim + c] *= decay;
                        }
                    }
                }
                const auto weighted = single(rows, dim,
                                             term(mem.probs, ld, mem.values + int64_t(keys.first) * 32 * 32,
                                                  panel_size(a.n), n_keys));
                if (first) {
                    gemm_store(weighted, mem.sums, dim);
                } else {
                    gemm_add(weighted, mem.sums, dim);
                }
                first = false;
            }
            for (int32_t r = 0; r < rows; ++r) {
                float * sums = mem.sums + r * dim;
                T *     out  = a.out + (q0 + r) * a.ld_out + h * dim;
                for (int32_t c = 0; c < dim; ++c) {
                    sums[c] /= total[r];
                }
                convert_row(sums, dim, out);
                if (a.lse != nullptr) {
                    a.lse[int64_t(h) * a.n + q0 + r] = max[r] + __builtin_logf(total[r]);
                }
            }
        }
    }
}

} // namespace
} // namespace magnet::fused
