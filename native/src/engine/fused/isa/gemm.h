// Products over packed matrices: cuts them into tiles, hands each finished tile, still in L1, to an epilogue.
#pragma once

#include "engine/fused/kernels.h"
#include "integers.h"
#include "quantised.h"

#if defined(MAGNET_AMX_TILES)
#    include "amx.h"
#else
#    include "micro.h"
#endif

namespace magnet::fused {
namespace {

#if !defined(MAGNET_AMX_TILES)
struct tile_scope {}; // what a call must set up before it multiplies: nothing here
#endif

template <class T>
struct left_operand {
    using type = T;
};
#if !defined(MAGNET_DOT_BF16) && !defined(MAGNET_AMX_TILES)
template <>
struct left_operand<bf16> {
    using type = float; // no product of bf16 here: widened once a call
};
#endif

// A product cut for the micro kernels: where each term's A starts, in the type they read.
template <class T>
struct prepared {
    using left = typename left_operand<T>::type;

    const gemm_args<T> * args;
    micro_term           terms[max_terms];
    int32_t              n_plain; // terms without dropout come first
    int32_t              n_floats; // those in integers stand apart
    int32_t              order[max_terms];
    T *                  unpacked[max_terms]; // memory for a panel of a quantised term, or NULL
    int32_t              unpacked_panel = -1; // the one that is there
    int32_t              n_integers     = 0;  // terms in integers
    int32_t              integers[max_terms];
    float *              opened[max_terms];   // memory for a panel of each
};

// Floats of scratch memory.
template <class T>
static int64_t scratch_size(const gemm_args<T> & g) {
    int64_t n = 0;
    for (int32_t t = 0; t < g.n_terms; ++t) {
        const product<T> & term = g.terms[t];
        if (term.rounded.values != nullptr) {
            n += opened_size(term.quantised.n_blocks);
            continue;
        }
        n += term.quantised.data != nullptr ? panel_size(term.k) * int64_t(sizeof(T)) / 4 : 0;
        if (sizeof(typename left_operand<T>::type) != sizeof(T)) {
            n += int64_t(g.m) * round_up(term.k, 2) + W;
        }
    }
    return n;
}

template <class T>
static prepared<T> prepare(const gemm_args<T> & g, float * memory) {
    using left = typename left_operand<T>::type;
    prepared<T> p;
    p.args      = &g;
    p.n_plain   = 0;
    int32_t last = 0;
    for (int32_t t = 0; t < g.n_terms; ++t) {
        last += g.terms[t].rounded.values == nullptr;
    }
    p.n_floats = last;
    for (int32_t t = 0; t < g.n_terms; ++t) {
        if (g.terms[t].rounded.values != nullptr) {
            p.integers[p.n_integers] = t;
            p.opened[p.n_integers++] = memory;
            memory += opened_size(g.terms[t].quantised.n_blocks);
        } else {
            p.order[g.terms[t].dropped ? --last : p.n_plain++] = t;
        }
    }
    for (int32_t i = 0; i < p.n_floats; ++i) {
        const product<T> & t = g.terms[p.order[i]];
        if constexpr (sizeof(left) == sizeof(T)) {
            p.terms[i].a   = reinterpret_cast<const char *>(t.a);
            p.terms[i].lda = t.lda * int64_t(sizeof(T));
        } else {
            const int32_t k = int32_t(round_up(t.k, 2));
            for (int32_t r = 0; r < g.m; ++r) {
                for (int32_t c = 0; c < k; c += W) { // may write beyond the row; the next row mends it
                    store(memory + int64_t(r) * k + c, load(t.a + r * t.lda + c));
                }
            }
            p.terms[i].a   = reinterpret_cast<const char *>(memory);
            p.terms[i].lda = k * int64_t(sizeof(float));
            memory += int64_t(g.m) * k + W;
        }
        p.terms[i].b  = reinterpret_cast<const char *>(t.b);
        p.terms[i].k  = t.k;
        p.unpacked[i] = nullptr;
        if (t.quantised.data != nullptr) {
            p.unpacked[i] = reinterpret_cast<T *>(memory);
            memory += panel_size(t.k) * int64_t(sizeof(T)) / 4;
        }
    }
    return p;
}

// Sum of the terms for rows [row, row + rows) and panel j, with bias.
template <class T>
MAGNET_INLINE void run_tile(prepared<T> & p, int32_t row, int32_t rows, int32_t j, int32_t cols, float * tile) {
    const gemm_args<T> & g = *p.args;
    micro_term           at[max_terms];
    for (int32_t i = 0; i < p.n_floats; ++i) {
        at[i] = p.terms[i];
        at[i].a += row * at[i].lda;
        if (p.unpacked[i] == nullptr) {
            at[i].b += int64_t(j) * g.terms[p.order[i]].b_stride * int64_t(sizeof(T));
            continue;
        }
        if (p.unpacked_panel != j) {
            unpack_panel(g.terms[p.order[i]].quantised, j, p.unpacked[i]);
        }
        at[i].b = reinterpret_cast<const char *>(p.unpacked[i]);
    }
    tile_kernel<T>::run(at, p.n_plain, rows, cols, tile);
    for (int32_t i = 0; i < p.n_integers; ++i) {
        const product<T> & t = g.terms[p.integers[i]];
        if (p.unpacked_panel != j) {
            open_panel(t.quantised.panel(j), p.opened[i]);
        }
        integer_product(t.quantised.format, p.opened[i], t.quantised.n_blocks, t.rounded, row, rows, t.parts, tile);
    }
    p.unpacked_panel = j;
    if (g.bias != nullptr) {
        const row32 b = load_row(g.bias + j * 32, 32);
        for (int32_t r = 0; r < rows; ++r) {
            row32 c = load_row(tile + r * 32, 32);
            for (int v = 0; v < V; ++v) {
                c.v[v] += b.v[v];
            }
            store_row(tile + r * 32, c, 32);
        }
    }
    for (int32_t i = p.n_plain; i < p.n_floats; ++i) {
        alignas(64) float    term[tiling<T>::max_rows * 32];
        const dropout_mask & mask = *g.terms[p.order[i]].dropped;
        tile_kernel<T>::run(at + i, 1, rows, 32, term);
        for (int32_t r = 0; r < rows; ++r) {
            row32       c = load_row(tile + r * 32, 32);
            const row32 x = load_row(term + r * 32, 32);
            for (int v = 0; v < V; ++v) {
                c.v[v] += x.v[v] * keep_scale(mask.keys[row + r], j * 32 + v * W, mask.threshold, mask.scale);
            }
            store_row(tile + r * 32, c, 32);
        }
    }
}

// Calls body(row, rows, panel, columns) for this thread's share of the tiles, panel by panel.
template <class T, class Body>
MAGNET_INLINE void for_tiles(int32_t m, int32_t n, const share & part, Body && body) {
    const tiling<T> rows(m);
    const int64_t   n_panels = (n + 31) / 32;
    const int64_t   total    = n_panels * rows.n;
    const int64_t   end      = total * (part.rank + 1) / part.size;
    for (int64_t t = total * part.rank / part.size; t < end; ++t) {
        const int32_t j = int32_t(t / rows.n);
        const int32_t i = int32_t(t % rows.n);
        const int32_t r = rows.begin(i);
        body(r, rows.begin(i + 1) - r, j, min_of(32, n - j * 32));
    }
}

static thread_local scratch gemm_scratch;

template <class T>
MAGNET_INLINE float * gemm_memory(int64_t n) {
    return n == 0 ? nullptr : static_cast<float *>(gemm_scratch.get(n * int64_t(sizeof(float))));
}

// epilogue(row, rows, first column, columns, tile [rows, 32])
template <class T, class Epilogue>
MAGNET_INLINE void run_gemm(const gemm_args<T> & g, Epilogue && epilogue) {
    prepared<T> p = prepare(g, gemm_memory<T>(scratch_size(g)));
    for_tiles<T>(g.m, g.n, g.part, [&](int32_t row, int32_t rows, int32_t j, int32_t cols) {
        alignas(64) float tile[tiling<T>::max_rows * 32];
        run_tile(p, row, rows, j, cols, tile);
        epilogue(row, rows, j * 32, cols, tile);
    });
}

template <class T, class Out>
static void gemm_store(const gemm_args<T> & g, Out * out, int64_t ld) {
    run_gemm(g, [&](int32_t row, int32_t rows, int32_t col, int32_t cols, const float * tile) {
        for (int32_t r = 0; r < rows; ++r) {
            store_row(out + (row + r) * ld + col, load_row(tile + r * 32, 32), cols);
        }
    });
}

template <class T>
static void gemm_add(const gemm_args<T> & g, float * out, int64_t ld) {
    run_gemm(g, [&](int32_t row, int32_t rows, int32_t col, int32_t cols, const float * tile) {
        for (int32_t r = 0; r < rows; ++r) {
            float *     p = out + (row + r) * ld + col;
            row32       c = load_row(p, cols);
            const row32 x = load_row(tile + r * 32, 32);
            for (int v = 0; v < V; ++v) {
                c.v[v] += x.v[v];
            }
            store_row(p, c, cols);
        }
    });
}

#if defined(MAGNET_AMX_TILES)
// Tiles straight to and from `out`: no copy of 32 x 32 sums between, which counts where K is small.
template <bool Add>
MAGNET_INLINE void run_block(const gemm_args<bf16> & g, float * out, int64_t ld) {
    for (int32_t j = 0; j * panel_width < g.n; ++j) {
        for (int32_t row = 0; row < g.m; row += 32) {
            micro_term at[max_terms];
            for (int32_t i = 0; i < g.n_terms; ++i) {
                const product<bf16> & t = g.terms[i];
                at[i] = { reinterpret_cast<const char *>(t.a + row * t.lda), t.lda * int64_t(sizeof(bf16)),
                          reinterpret_cast<const char *>(t.b + j * t.b_stride), t.k };
            }
            float * to = out + row * ld + j * panel_width;
            g.m - row > 16 ? amx_tile<true, true, Add>(at, g.n_terms, to, ld)
                           : amx_tile<false, true, Add>(at, g.n_terms, to, ld);
        }
    }
}
#endif

// out = or += plain terms, without bias, dropout or quantised rows, by the calling thread alone. Up to 15 rows beyond the last,
// and columns up to a multiple of panel_width, may be written: what comes out there means nothing.
template <bool Add, class T>
MAGNET_INLINE void multiply_block(const gemm_args<T> & g, float * out, int64_t ld) {
#if defined(MAGNET_AMX_TILES)
    if constexpr (sizeof(T) == sizeof(bf16)) {
        run_block<Add>(g, out, ld);
        return;
    }
#endif
    Add ? gemm_add(g, out, ld) : gemm_store(g, out, ld);
}

} // namespace
} // namespace magnet::fused
