// Attention of one row in blocks, with the softmax carried along (FlashAttention, arXiv 2205.14135): memory grows with
// the length of the row, not with its square, and blocks that the mask hides are never computed.
#pragma once

#include "cached-cells.h"
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

// Keys and values of one kv head in blocks of 32 keys: a block of keys is a panel [head_dim, 32]; a block of values is 32
// rows of each panel of 32 channels.
template <class T>
struct packed_row {
    const T *       keys;
    const T *       values;
    int64_t         value_block; // elements from one block of keys to the next
    int64_t         value_panel; // from one panel of channels to the next
    const uint8_t * keys_8bit   = nullptr; // in place of keys and values
    const uint8_t * values_8bit = nullptr;
};

// Queries that are worked on together: consecutive tokens of one head, or the heads of one token.
template <class T>
struct query_rows_of {
    const T * q;
    int64_t   ld;
    int32_t   rows;
    int32_t   token;  // of the first row, in the visibility
    int32_t   stride; // tokens from one row to the next: 1, or 0 for heads
    T *       out;
    int64_t   ld_out;
    float *   lse; // [rows * stride] or NULL
};

template <class T>
struct attention_memory {
    float * scores; // [query_rows, key_panels * 32]
    T *     probs;  // the same
    float * sums;   // [query_rows, head_dim rounded up to panel_width]
    T *     keys;   // packed [head_dim, n], for rows that are packed or widened here
    T *     values; // packed [n, head_dim]
    int64_t bytes;

    attention_memory(char * base, int32_t n, int32_t head_dim) {
        carver c{ base };
        scores = c.take<float>(query_rows * key_panels * 32);
        probs  = c.take<T>((query_rows + row_slack) * key_panels * 32);
        sums   = c.take<float>(query_rows * round_up(head_dim, 32));
        keys   = c.take<T>(n > 0 ? packed_size(head_dim, n) : 0);
        values = c.take<T>(n > 0 ? packed_size(n, head_dim) : 0);
        bytes  = c.used;
    }
};

// exp(scale * (s - max))
template <class T>
struct exponential {
    vf scale, max;

    MAGNET_ALWAYS_INLINE exponential(float scale, float max)
        : scale(splat(sizeof(T) == sizeof(float) ? scale : scale * 1.44269504088896341f)), max(splat(max)) {}

    MAGNET_ALWAYS_INLINE vf operator()(vf s) const {
        if constexpr (sizeof(T) == sizeof(float)) {
            return exp((s - max) * scale);
        } else {
            return exp2_roughly((s - max) * scale);
        }
    }
};

// The running softmax of a block of queries; the weighted sums of values are in attention_memory. Totals stay in lanes until
// all keys are through.
struct running_softmax {
    float max[query_rows];
    vf    total[query_rows];
};

// Scores of one query that the mask leaves, and whether any of them is above `max`.
MAGNET_INLINE vf mask_block(const visibility & sees, int32_t q, const hull & keys, const bool * masked, float * s, vf maxima) {
    const int32_t * threshold = sees.key_threshold(q) + keys.first * 32;
    const int32_t * position  = sees.position + keys.first * 32;
    const vi        pos       = splat_int(sees.position[q]);
    const vi        outside   = splat_int(sees.last_out_of_window(q));
    for (int32_t b = 0; b < keys.size(); ++b) {
        for (int32_t i = b * 32; i < b * 32 + 32; i += W) {
            vf x = load(s + i);
            if (masked[b]) {
                x = load(threshold + i) <= pos ? x : splat(hidden);
                if (sees.window > 0) {
                    x = load(position + i) > outside ? x : splat(hidden);
                }
                store(s + i, x);
            }
            maxima = max_of(maxima, x);
        }
    }
    return maxima;
}

// One block of scores of one query, which are not scaled yet: mask, exponentials. Returns what earlier sums are to be
// multiplied by: 1 as long as no score is above those before, which is what comes most often.
template <class T>
MAGNET_INLINE float softmax_block(const visibility & sees, int32_t q, const hull & keys, const bool * masked, float scale,
                                  float * s, T * p, float & max, vf & total) {
    const vf before = splat(max);
    const vf maxima = mask_block(sees, q, keys, masked, s, before);
    float    decay  = 1.0f;
    if (any_above(maxima, before)) {
        const float last = max;
        max              = max_in(maxima);
        decay            = __builtin_expf(scale * (last - max));
    }
    const exponential<T> weight(scale, max);
    vf                   sums = {};
    for (int32_t i = 0; i < keys.size() * 32; i += W) {
        const vf e = weight(load(s + i));
        store(p + i, e);
        sums += e;
    }
    total = total * decay + sums;
    return decay;
}

// Panels of keys [begin, end) that some of the queries see, and which of them need the mask.
struct seen_keys {
    hull keys;
    bool masked[key_panels] = {};

    MAGNET_ALWAYS_INLINE seen_keys(const visibility & sees, int32_t q_first, int32_t q_last, int32_t begin, int32_t end)
        : keys(begin, end, [&](int32_t k) {
              for (int32_t q = q_first; q <= q_last; ++q) {
                  if (sees.any(q, k)) {
                      return true;
                  }
              }
              return false;
          }) {
        for (int32_t b = 0; b < keys.size(); ++b) {
            for (int32_t q = q_first; q <= q_last; ++q) {
                masked[b] |= !sees.all(q, keys.first + b);
            }
        }
    }
};

// Probabilities [rows, keys] times the values of those keys.
template <class T>
MAGNET_INLINE gemm_args<T> weighted_values(const packed_row<T> & row, const T * values, const hull & keys, int32_t rows,
                                           int32_t dim, const T * probs, int64_t ld) {
    gemm_args<T> g;
    g.m = rows;
    g.n = dim;
    if (row.value_block == 32 * panel_width) { // one block behind the other: one product
        g.add(term(probs, ld, values, row.value_panel, keys.size() * 32));
        return g;
    }
    for (int32_t b = 0; b < keys.size(); ++b) {
        g.add(term(probs + b * 32, ld, values + b * row.value_block, row.value_panel, 32));
    }
    return g;
}

// What is left to multiply scores by once they are capped.
MAGNET_INLINE float softmax_scale(const head_layout & heads) { return heads.cap > 0.0f ? 1.0f : heads.scale; }

// Goes on over blocks of keys [begin, end). Sums count only where total > 0.
template <class T>
static void attend_blocks(const visibility & sees, const head_layout & heads, const packed_row<T> & row,
                          const query_rows_of<T> & of, int32_t begin, int32_t end, const attention_memory<T> & mem,
                          running_softmax & state) {
    const int32_t dim     = heads.head_dim;
    const float   scale   = softmax_scale(heads);
    const int32_t q_first = of.token / 32;
    const int32_t q_last  = (of.token + (of.rows - 1) * of.stride) / 32;
    const int32_t ld      = key_panels * 32;
    const int64_t ld_sums = round_up(dim, panel_width);
    for (int32_t r = 0; r < of.rows; ++r) {
        state.max[r]   = hidden;
        state.total[r] = vf{};
    }
    bool first = true;
    for (int32_t k_begin = begin; k_begin < end; k_begin += key_panels) {
        const seen_keys seen(sees, q_first, q_last, k_begin, min_of(end, k_begin + key_panels));
        const hull &    keys = seen.keys;
        if (keys.empty()) {
            continue;
        }
        const T * key_cells   = row.keys + keys.first * panel_size(dim);
        const T * value_cells = row.values + int64_t(keys.first) * row.value_block;
        if (row.keys_8bit != nullptr) {
            widen_keys(row.keys_8bit, dim, keys.first, keys.size(), mem.keys);
            widen_values(row.values_8bit, dim, keys.first, keys.size(), mem.values);
            key_cells   = mem.keys;
            value_cells = mem.values;
        }
        multiply_block<false>(single(of.rows, keys.size() * 32, term(of.q, of.ld, key_cells, panel_size(dim), dim)),
                              mem.scores, ld);
        for (int32_t r = 0; r < of.rows; ++r) {
            for (int32_t i = 0; heads.cap > 0.0f && i < keys.size() * 32; i += W) {
                store(mem.scores + r * ld + i, capped(load(mem.scores + r * ld + i), heads.scale, heads.cap));
            }
            const float decay = softmax_block(sees, of.token + r * of.stride, keys, seen.masked, scale, mem.scores + r * ld,
                                              mem.probs + r * ld, state.max[r], state.total[r]);
            for (int32_t c = 0; !first && decay != 1.0f && c < dim; ++c) {
                mem.sums[r * ld_sums + c] *= decay;
            }
        }
        const gemm_args<T> weighted = weighted_values(row, value_cells, keys, of.rows, dim, mem.probs, ld);
        first ? multiply_block<false>(weighted, mem.sums, ld_sums) : multiply_block<true>(weighted, mem.sums, ld_sums);
        first = false;
    }
}

template <class T>
static void attend(const visibility & sees, const head_layout & heads, const packed_row<T> & row,
                   const query_rows_of<T> & of, const attention_memory<T> & mem) {
    const int32_t   dim = heads.head_dim;
    running_softmax state;
    attend_blocks(sees, heads, row, of, 0, sees.n_blocks, mem, state);
    for (int32_t r = 0; r < of.rows; ++r) {
        float *     sums  = mem.sums + r * round_up(dim, panel_width);
        const float total = sum(state.total[r]);
        for (int32_t c = 0; c < dim; ++c) {
            sums[c] /= total;
        }
        convert_row(sums, dim, of.out + r * of.ld_out);
        if (of.lse != nullptr) {
            of.lse[r * of.stride] = softmax_scale(heads) * state.max[r] + __builtin_logf(total);
        }
    }
}

// Cuts tokens [begin, end) into blocks of queries of about equal size.
template <class Body>
MAGNET_INLINE void for_query_blocks(int32_t begin, int32_t end, Body && body) {
    const int32_t n = (end - begin + query_rows - 1) / query_rows;
    for (int32_t i = 0; i < n; ++i) {
        const int32_t first = begin + int32_t(int64_t(end - begin) * i / n);
        body(first, begin + int32_t(int64_t(end - begin) * (i + 1) / n) - first);
    }
}

template <class T>
static void attention(const attention_args<T> & a, int32_t head_kv, int32_t begin, int32_t end) {
    const head_layout & l     = *a.heads;
    const int32_t       dim   = l.head_dim;
    const int32_t       group = l.n_head / l.n_head_kv;

    const int64_t             bytes = attention_memory<T>(nullptr, a.n, dim).bytes;
    const attention_memory<T> mem(static_cast<char *>(attention_scratch.get(bytes)), a.n, dim);
    pack_transposed(a.qkv + l.q_size() + head_kv * dim, a.ld, dim, a.n, mem.keys);
    pack(a.qkv + l.q_size() + l.k_size() + head_kv * dim, a.ld, a.n, dim, mem.values);
    const packed_row<T> row = { mem.keys, mem.values, 32 * panel_width, panel_size(a.n) };

    for_query_blocks(begin, end, [&](int32_t q0, int32_t rows) {
        for (int32_t h = head_kv * group; h < (head_kv + 1) * group; ++h) {
            float * lse = a.lse != nullptr ? a.lse + int64_t(h) * a.n + q0 : nullptr;
            attend(*a.sees, l, row,
                   query_rows_of<T>{ a.qkv + q0 * a.ld + h * dim, a.ld, rows, q0, 1, a.out + q0 * a.ld_out + h * dim,
                                     a.ld_out, lse },
                   mem);
        }
    });
}

template <class T>
MAGNET_INLINE packed_row<T> row_of(const cached_cells<T> & cells, int32_t dim) {
    return { cells.keys, cells.values, panel_size(dim), 32 * panel_width, cells.keys_8bit, cells.values_8bit };
}

// With room to widen a block of keys and values.
template <class T>
MAGNET_INLINE attention_memory<T> memory_for(const cached_cells<T> & cells, int32_t dim) {
    const int32_t n     = cells.keys_8bit != nullptr ? key_panels * 32 : 0;
    const int64_t bytes = attention_memory<T>(nullptr, n, dim).bytes;
    return { static_cast<char *>(attention_scratch.get(bytes)), n, dim };
}

template <class T>
MAGNET_INLINE query_rows_of<T> heads_of_token(const cached_attention_args<T> & a, int32_t head_kv, int32_t token) {
    const int32_t dim   = a.heads->head_dim;
    const int32_t group = a.heads->n_head / a.heads->n_head_kv;
    const int32_t h     = head_kv * group;
    return { a.q + token * a.ld + h * dim, dim, group, a.first + token, 0, a.out + token * a.ld_out + h * dim, dim, nullptr };
}

// A part without a key that is seen has total 0, or the greatest score of none (`hidden`): either way it weighs nothing
// beside a part that has one.
template <class T>
static void attention_part(const cached_attention_args<T> & a, int32_t head_kv, int32_t token, int32_t begin, int32_t end,
                           attention_sums * out) {
    const head_layout &       l     = *a.heads;
    const int32_t             dim   = l.head_dim;
    const attention_memory<T> mem   = memory_for(a.cells, dim);
    const packed_row<T>       row   = row_of(a.cells, dim);
    const query_rows_of<T>    of    = heads_of_token(a, head_kv, token);
    running_softmax           state;
    attend_blocks(*a.sees, l, row, of, begin, end, mem, state);
    for (int32_t r = 0; r < of.rows; ++r) {
        out[r].max   = softmax_scale(l) * state.max[r];
        out[r].total = sum(state.total[r]);
        for (int32_t c = 0; c < dim; ++c) {
            out[r].sums[c] = out[r].total > 0.0f ? mem.sums[r * round_up(dim, panel_width) + c] : 0.0f;
        }
    }
}

template <class T>
static void cached_attention(const cached_attention_args<T> & a, int32_t head_kv, int32_t begin, int32_t end) {
    const head_layout &       l     = *a.heads;
    const int32_t             dim   = l.head_dim;
    const int32_t             group = l.n_head / l.n_head_kv;
    const attention_memory<T> mem   = memory_for(a.cells, dim);
    const packed_row<T>       row   = row_of(a.cells, dim);

    if (end - begin == 1 && group <= query_rows) { // keys and values come from memory once for all heads of the group
        attend(*a.sees, l, row, heads_of_token(a, head_kv, begin), mem);
        return;
    }
    for_query_blocks(begin, end, [&](int32_t q0, int32_t rows) {
        for (int32_t h = head_kv * group; h < (head_kv + 1) * group; ++h) {
            attend(*a.sees, l, row,
                   query_rows_of<T>{ a.q + q0 * a.ld + h * dim, a.ld, rows, a.first + q0, 1,
                                     a.out + q0 * a.ld_out + h * dim, a.ld_out, nullptr },
                   mem);
        }
    });
}

} // namespace
} // namespace magnet::fused
