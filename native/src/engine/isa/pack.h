// Activations into the shapes that products read.
#pragma once

#include "../kernels.h"
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

// x [n, k] -> packed [k, n]: rows become columns.
static void pack_transposed(const float * x, int64_t ldx, int32_t k, int32_t n, float * packed) {
    const int64_t stride = panel_size(k);
    for (int32_t j = 0; j * 32 < n; ++j, packed += stride) {
        const int32_t cols = min_of(32, n - j * 32);
        __builtin_memset(packed, 0, stride * sizeof(float));
        for (int32_t c = 0; c < cols; ++c) {
            for (int32_t r = 0; r < k; ++r) {
                packed[r * 32 + c] = x[(j * 32 + c) * ldx + r];
            }
        }
    }
}

static void pack_transposed(const bf16 * x, int64_t ldx, int32_t k, int32_t n, bf16 * packed) {
    const int64_t stride = panel_size(k);
    for (int32_t j = 0; j * 32 < n; ++j, packed += stride) {
        const int32_t cols = min_of(32, n - j * 32);
        uint32_t *    out  = reinterpret_cast<uint32_t *>(packed);
        if (cols < 32 || k % k_multiple != 0) {
            __builtin_memset(packed, 0, stride * sizeof(bf16));
        }
        for (int32_t c = 0; c < cols; ++c) {
            const bf16 * row = x + (j * 32 + c) * ldx;
            for (int32_t p = 0; p < k / 2; ++p) {
                out[p * 32 + c] = load_as<uint32_t>(row + 2 * p);
            }
            if (k % 2 != 0) {
                out[k / 2 * 32 + c] = row[k - 1].bits;
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
