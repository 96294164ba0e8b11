// The innermost loops: a tile of up to MAGNET_TILE_ROWS x (MAGNET_TILE_VECTORS * W) sums, held in registers over K.
//
// Left-hand sides are float, or pairs of bf16 where the CPU multiplies those; right-hand sides are panels (kernels.h).
#pragma once

#include "vec.h"

namespace magnet::fused {
namespace {

// One product's share of a tile: rows of A from its first row, one panel of B.
struct micro_term {
    const char * a;
    int64_t      lda; // bytes
    const char * b;
    int32_t      k;
};

constexpr int TR = MAGNET_TILE_ROWS;
constexpr int TV = MAGNET_TILE_VECTORS;

// Pointers to every third row: x86 addresses base + stride * {0, 1, 2} without further registers.
template <int MR>
struct row_pointers {
    static constexpr int n = (MR + 2) / 3;
    const char *         p[n];
    int64_t              stride; // bytes

    __attribute__((always_inline)) inline row_pointers(const char * a, int64_t stride) : stride(stride) {
        unroll<n>([&](auto g) __attribute__((always_inline)) { p[g] = a + g * 3 * stride; });
    }
    template <class U>
    __attribute__((always_inline)) inline U get(int row, int at) const {
        return load_as<U>(p[row / 3] + (row % 3) * stride + at * int(sizeof(U)));
    }
    __attribute__((always_inline)) inline void advance(int bytes) {
        unroll<n>([&](auto g) __attribute__((always_inline)) { p[g] += bytes; });
    }
};

// acc += a row-wise broadcast times one vector row of B, for float operands.
template <int MR, int NV>
MAGNET_INLINE void micro_float(vf (&acc)[MR][NV], const micro_term & t) {
    row_pointers<MR> rows(t.a, t.lda);
    const float * b = reinterpret_cast<const float *>(t.b);
    for (int32_t k = 0; k < t.k; ++k) {
        vf bv[NV];
        unroll<NV>([&](auto j) __attribute__((always_inline)) { bv[j] = load(b + j * W); });
        unroll<MR>([&](auto i) __attribute__((always_inline)) {
            const vf a = splat(rows.template get<float>(i, 0));
            unroll<NV>([&](auto j) __attribute__((always_inline)) { acc[i][j] += a * bv[j]; });
        });
        rows.advance(sizeof(float));
        b += 32;
    }
}

#if defined(MAGNET_DOT_BF16)

template <int MR, int NV>
MAGNET_INLINE void micro_bf16(vf (&acc)[MR][NV], const micro_term & t) {
    row_pointers<MR> rows(t.a, t.lda);
    const char * b = t.b;
    for (int32_t k = 0; k < t.k; k += 2) {
        __m512bh bv[NV];
        unroll<NV>([&](auto j) __attribute__((always_inline)) {
            bv[j] = (__m512bh)_mm512_loadu_si512(b + j * W * 4);
        });
        unroll<MR>([&](auto i) __attribute__((always_inline)) {
            const __m512bh a = (__m512bh)_mm512_set1_epi32(rows.template get<int32_t>(i, 0));
            unroll<NV>([&](auto j) __attribute__((always_inline)) {
                acc[i][j] = (vf)_mm512_dpbf16_ps((__m512)acc[i][j], a, bv[j]);
            });
        });
        rows.advance(4);
        b += 32 * 4;
    }
}

using bf16_operand = bf16;

#else

// No bf16 product: A was widened to float beforehand, B is widened on the way into registers.
template <int MR, int NV>
MAGNET_INLINE void micro_bf16(vf (&acc)[MR][NV], const micro_term & t) {
    row_pointers<MR> rows(t.a, t.lda);
    const char * b = t.b;
    for (int32_t k = 0; k < t.k; k += 2) {
        unroll<2>([&](auto odd) __attribute__((always_inline)) {
            vf bv[NV];
            unroll<NV>([&](auto j) __attribute__((always_inline)) {
                const vu pair = load_as<vu>(b + j * W * 4);
                bv[j]         = odd ? (vf)(pair & 0xffff0000u) : (vf)(pair << 16);
            });
            unroll<MR>([&](auto i) __attribute__((always_inline)) {
                const vf a = splat(rows.template get<float>(i, odd));
                unroll<NV>([&](auto j) __attribute__((always_inline)) { acc[i][j] += a * bv[j]; });
            });
        });
        rows.advance(2 * sizeof(float));
        b += 32 * 4;
    }
}

using bf16_operand = float;

#endif

// out [MR, 32] columns [0, NV * W) = sum of terms.
template <class T, int MR, int NV>
__attribute__((noinline)) void micro_tile(const micro_term * terms, int32_t n_terms, float * out) {
    vf acc[MR][NV];
    unroll<MR>([&](auto i) __attribute__((always_inline)) {
        unroll<NV>([&](auto j) __attribute__((always_inline)) { acc[i][j] = vf{}; });
    });
    for (int32_t t = 0; t < n_terms; ++t) {
        if constexpr (sizeof(T) == sizeof(float)) {
            micro_float<MR, NV>(acc, terms[t]);
        } else {
            micro_bf16<MR, NV>(acc, terms[t]);
        }
    }
    unroll<MR>([&](auto i) __attribute__((always_inline)) {
        unroll<NV>([&](auto j) __attribute__((always_inline)) { store(out + i * 32 + j * W, acc[i][j]); });
    });
}

using micro_fn = void (*)(const micro_term *, int32_t, float *);

template <class T, int NV>
struct micro_by_rows {
    micro_fn fn[TR + 1] = {};
    constexpr micro_by_rows() { fill<1>(); }
    template <int MR>
    constexpr void fill() {
        if constexpr (MR <= TR) {
            fn[MR] = micro_tile<T, MR, NV>;
            fill<MR + 1>();
        }
    }
};

// How a product of m rows is cut into tiles: as few as possible, of nearly equal height.
template <class T>
struct tiling {
    static constexpr int32_t max_rows = TR;

    explicit tiling(int32_t m) : m(m), n((m + TR - 1) / TR) {}
    int32_t begin(int32_t i) const { return int32_t(int64_t(m) * i / n); }

    int32_t m;
    int32_t n;
};

template <class T>
struct tile_kernel {
    // out [rows, 32], columns [0, cols) = sum of terms.
    MAGNET_INLINE void run(const micro_term * terms, int32_t n_terms, int32_t rows, int32_t cols, float * out) {
        static constexpr micro_by_rows<T, TV> wide;
        static constexpr micro_by_rows<T, 1>  narrow;

        constexpr int step = TV * W;
        if (cols <= W) {
            narrow.fn[rows](terms, n_terms, out);
            return;
        }
        if (step == 32) {
            wide.fn[rows](terms, n_terms, out);
            return;
        }
        constexpr int pair = sizeof(T) == sizeof(float) ? 1 : 2;
        micro_term    shifted[8];
        for (int32_t c = 0; c < cols; c += step) {
            for (int32_t t = 0; t < n_terms; ++t) {
                shifted[t] = terms[t];
                shifted[t].b += c * pair * int32_t(sizeof(T));
            }
            wide.fn[rows](shifted, n_terms, out + c);
        }
    }
};

} // namespace
} // namespace magnet::fused
