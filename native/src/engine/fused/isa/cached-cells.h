// Blocks of a cache in 8 bits (kernels.h, cached_cells), widened for the products.
#pragma once

#include "engine/fused/kernels.h"
#include "vec.h"

namespace magnet::fused {
namespace {

MAGNET_INLINE vf load(const int8_t * p) {
    typedef int8_t vb __attribute__((vector_size(W)));
    return __builtin_convertvector(__builtin_convertvector(load_as<vb>(p), vi), vf);
}

// to[i] = q[i] * scales[i] of 32 values of `lanes` rows of a panel, interleaved.
template <int lanes, class T>
MAGNET_INLINE void widen_rows(const int8_t * q, const float * scales, T * to) {
    for (int32_t i = 0; i < 32 * lanes; i += W) {
        store(to + i, load(q + i) * load(scales + i));
    }
}

template <class T>
constexpr int lanes_of = sizeof(T) == sizeof(float) ? 1 : 2; // rows that lie interleaved

// Blocks [first, first + n) of keys, one behind the other in panels [dim, 32].
template <class T>
static void widen_keys(const uint8_t * blocks, int32_t dim, int32_t first, int32_t n, T * to) {
    constexpr int lanes = lanes_of<T>;
    for (int32_t b = 0; b < n; ++b) {
        const uint8_t * block  = blocks + (first + b) * bytes_of_8bit_block(dim);
        const int8_t *  q      = reinterpret_cast<const int8_t *>(block);
        const float *   scales = reinterpret_cast<const float *>(block + quants_of_block(dim));
        T *             panel  = to + b * panel_size(dim);
        for (int32_t begin = 0; begin < dim; begin += 32, scales += 32) {
            float of_cells[32 * lanes];
            for (int32_t i = 0; i < 32 * lanes; ++i) {
                of_cells[i] = scales[i / lanes];
            }
            for (int32_t k = begin; k < begin + 32; k += lanes) {
                widen_rows<lanes>(q + k * 32, of_cells, panel + k * 32);
            }
        }
    }
}

// The same of values, in panels [32, 32] of 32 channels each.
template <class T>
static void widen_values(const uint8_t * blocks, int32_t dim, int32_t first, int32_t n, T * to) {
    constexpr int lanes = lanes_of<T>;
    for (int32_t b = 0; b < n; ++b) {
        const uint8_t * block  = blocks + (first + b) * bytes_of_8bit_block(dim);
        const int8_t *  q      = reinterpret_cast<const int8_t *>(block);
        const float *   scales = reinterpret_cast<const float *>(block + quants_of_block(dim));
        T *             panel  = to + b * panel_size(dim);
        for (int32_t begin = 0; begin < dim; begin += 32, scales += 32, q += 32 * 32, panel += 32 * 32) {
            for (int32_t cell = 0; cell < 32; cell += lanes) {
                float of_cells[32 * lanes];
                for (int32_t i = 0; i < 32 * lanes; ++i) {
                    of_cells[i] = scales[cell + i % lanes];
                }
                widen_rows<lanes>(q + cell * 32, of_cells, panel + cell * 32);
            }
        }
    }
}

} // namespace
} // namespace magnet::fused
