// Activations into the shapes that products read.
#pragma once

#include "engine/fused/kernels.h"
#include "vec.h"

namespace magnet::fused {
namespace {

// x [k, n] -> packed [k, n]: rows stay rows of a panel.
static void pack(const float * x, int64_t ldx, int32_t k, int32_t n, float * packed) {
    const int64_t stride = panel_size(k);
    for (int32_t j = 0; j * 32 < n; ++j, packed += stride) {
        const int32_t cols = min_of(32, n - j * 32);
        for (int32_t r = 0; r < k; ++r) {
            store_row(packed + r * 32, load_row(x + r * ldx + j * 32, cols), 32);
        }
        __builtin_memset(packed + int64_t(k) * 32, 0, (stride - int64_t(k) * 32) * sizeof(float));
    }
}

// Two rows become one row of 32-bit pairs.
MAGNET_INLINE void interleave(const bf16 * even, const bf16 * odd, uint32_t * out) {
    for (int v = 0; v < V; ++v) {
        const vu a = __builtin_convertvector(load_as<vh>(even + v * W), vu);
        const vu b = __builtin_convertvector(load_as<vh>(odd + v * W), vu);
        const vu p = a | (b << 16);
        __builtin_memcpy(out + v * W, &p, sizeof p);
    }
}

static void pack(const bf16 * x, int64_t ldx, int32_t k, int32_t n, bf16 * packed) {
    const int64_t stride = panel_size(k);
    const int32_t pairs  = (k + 1) / 2;
    for (int32_t j = 0; j * 32 < n; ++j, packed += stride) {
        const int32_t cols = min_of(32, n - j * 32);
        for (int32_t p = 0; p < pairs; ++p) {
            const bf16 *     even = x + (2 * p) * ldx + j * 32;
            const bf16 *     odd  = even + ldx;
            uint32_t * const out  = reinterpret_cast<uint32_t *>(packed) + p * 32;
            bf16             two_rows[2][32];
            if (cols < 32 || 2 * p + 1 == k) {
                __builtin_memset(two_rows, 0, sizeof two_rows);
                __builtin_memcpy(two_rows[0], even, cols * sizeof(bf16));
                if (2 * p + 1 < k) {
                    __builtin_memcpy(two_rows[1], odd, cols * sizeof(bf16));
                }
                even = two_rows[0];
                odd  = two_rows[1];
            }
            interleave(even, odd, out);
        }
        __builtin_memset(packed + int64_t(pairs) * 64, 0, (stride - int64_t(pairs) * 64) * sizeof(bf16));
    }
}

// in [rows, cols] of words -> out [cols, rows]: whole blocks of W x W in registers, the rest word by word.
static void transpose_block(const uint32_t * in, int64_t ld_in, int32_t rows, int32_t cols, uint32_t * out,
                            int64_t ld_out) {
    int32_t r = 0;
    for (; r + W <= rows; r += W) {
        int32_t c = 0;
        for (; c + W <= cols; c += W) {
            vu block[W];
            unroll<W>([&](auto i) __attribute__((always_inline)) {
                block[i] = load_as<vu>(in + (r + i) * ld_in + c);
            });
            transpose_words(block);
            unroll<W>([&](auto i) __attribute__((always_inline)) {
                __builtin_memcpy(out + (c + i) * ld_out + r, &block[i], sizeof(vu));
            });
        }
        for (; c < cols; ++c) {
            for (int i = 0; i < W; ++i) {
                out[c * ld_out + r + i] = load_as<uint32_t>(in + (r + i) * ld_in + c);
            }
        }
    }
    for (; r < rows; ++r) {
        for (int32_t c = 0; c < cols; ++c) {
            out[c * ld_out + r] = load_as<uint32_t>(in + r * ld_in + c);
        }
    }
}

// x [n, k] -> packed [k, n]: rows become columns. A word of a panel is one float, or a pair of bf16 along k.
template <class T>
static void pack_transposed(const T * x, int64_t ldx, int32_t k, int32_t n, T * packed) {
    constexpr int32_t per_word = sizeof(uint32_t) / sizeof(T);
    const int64_t     stride   = panel_size(k);
    const int32_t     words    = k / per_word;
    for (int32_t j = 0; j * 32 < n; ++j, packed += stride) {
        const int32_t cols = min_of(32, n - j * 32);
        const T *     from = x + int64_t(j) * 32 * ldx;
        uint32_t *    out  = reinterpret_cast<uint32_t *>(packed);
        if (cols < 32 || k % k_multiple != 0) {
            __builtin_memset(packed, 0, stride * sizeof(T));
        }
        transpose_block(reinterpret_cast<const uint32_t *>(from), ldx / per_word, cols, words, out, 32);
        if (words * per_word != k) {
            for (int32_t c = 0; c < cols; ++c) {
                __builtin_memcpy(out + words * 32 + c, from + c * ldx + k - 1, sizeof(T));
            }
        }
    }
}

// x [rows, n] -> y [n, rows], rows padded with zeros to k_multiple.
template <class T>
static void transpose(const T * x, int64_t ldx, int32_t rows, int32_t n, T * y, int64_t ldy) {
    const int32_t padded = int32_t(round_up(rows, k_multiple));
    for (int32_t c = 0; c < n; ++c) {
        for (int32_t r = 0; r < rows; ++r) {
            y[c * ldy + r] = x[r * ldx + c];
        }
        __builtin_memset(y + c * ldy + rows, 0, (padded - rows) * sizeof(T));
    }
}

} // namespace
} // namespace magnet::fused
