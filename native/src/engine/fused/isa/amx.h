// Products of bf16 on AMX tiles: 32 x 32 sums in four tiles, two tiles of each operand, 32 of K a step.
//
// MAGNET_AMX_TILES names the header that defines `struct tiles`: the instructions (amx-hardware.h), or a model of them
// in plain C++ that the tests use (native/tests/amx-emulated.h). The blocking is the same code.
#pragma once

#include "micro.h"

#include MAGNET_AMX_TILES

namespace magnet::fused {
namespace {

// Rows of A beyond the last are read (kernels.h allows it) and their sums thrown away, so one configuration does.
template <>
struct tiling<bf16> {
    static constexpr int32_t max_rows = 32;

    explicit tiling(int32_t m) : m(m), n((m + 31) / 32) {}
    int32_t begin(int32_t i) const { return min_of(i * 32, m); }

    int32_t m;
    int32_t n;
};

// out [rows, 32], its rows ld floats apart, = or += the terms. Two: whether there is a second tile of rows, of columns. Whole
// tiles of 16 x 16 are written.
template <bool TwoRows, bool TwoCols, bool Add = false>
static void amx_tile(const micro_term * terms, int32_t n_terms, float * out, int64_t ld = 32) {
    float * const below = out + 16 * ld;
    ld *= int64_t(sizeof(float));
    if (Add) {
        tiles::load<0>(out, ld);
        TwoCols ? tiles::load<1>(out + 16, ld) : tiles::zero<1>();
        TwoRows ? tiles::load<2>(below, ld) : tiles::zero<2>();
        TwoRows && TwoCols ? tiles::load<3>(below + 16, ld) : tiles::zero<3>();
    } else {
        tiles::zero<0>();
        tiles::zero<1>();
        tiles::zero<2>();
        tiles::zero<3>();
    }
    for (int32_t i = 0; i < n_terms; ++i) {
        const micro_term & t    = terms[i];
        const char *       a0   = t.a;
        const char *       a1   = t.a + 16 * t.lda;
        const char *       b    = t.b;
        for (int32_t k = 0; k < t.k; k += 32) {
            tiles::load<6>(b, 128);
            tiles::load<4>(a0, t.lda);
            tiles::multiply<0, 4, 6>();
            if (TwoCols) {
                tiles::load<7>(b + 64, 128);
                tiles::multiply<1, 4, 7>();
            }
            if (TwoRows) {
                tiles::load<5>(a1, t.lda);
                tiles::multiply<2, 5, 6>();
                if (TwoCols) {
                    tiles::multiply<3, 5, 7>();
                }
            }
            a0 += 64;
            a1 += 64;
            b += 16 * 128;
        }
    }
    tiles::store<0>(out, ld);
    if (TwoCols) {
        tiles::store<1>(out + 16, ld);
    }
    if (TwoRows) {
        tiles::store<2>(below, ld);
        if (TwoCols) {
            tiles::store<3>(below + 16, ld);
        }
    }
}

template <>
struct tile_kernel<bf16> {
    static void run(const micro_term * terms, int32_t n_terms, int32_t rows, int32_t cols, float * out) {
        if (cols > 16) {
            rows > 16 ? amx_tile<true, true>(terms, n_terms, out) : amx_tile<false, true>(terms, n_terms, out);
        } else {
            rows > 16 ? amx_tile<true, false>(terms, n_terms, out) : amx_tile<false, false>(terms, n_terms, out);
        }
    }
};

using tile_scope = tiles::scope;

} // namespace
} // namespace magnet::fused
