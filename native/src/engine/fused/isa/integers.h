// Products of many rows with quantised matrices, in integers: where the CPU has no products of bf16, four columns of eight bits
// are multiplied in the time of one float. A panel is opened once for all rows, its integers to bytes, its scales to floats.
#pragma once

#include "quantised.h"

namespace magnet::fused {
namespace {

template <class X>
MAGNET_INLINE void keep_in_memory(X & x) {
    __asm__("" : "+m"(x));
}

// Floats of memory that an opened panel takes.
MAGNET_INLINE int64_t opened_size(int32_t n_blocks) { return n_blocks * int64_t(panel_width) * (8 + 2 * 2); }

// An opened panel: bytes [n_blocks, strips, 8, 16 rows, 4], then scales and minima [n_blocks, halves, 32] of floats.
struct opened_panel {
    uint8_t * quants;
    float *   scales;
    float *   minima;

    opened_panel(float * memory, int32_t n_blocks)
        : quants(reinterpret_cast<uint8_t *>(memory)), scales(memory + n_blocks * int64_t(panel_width) * 8),
          minima(scales + n_blocks * int64_t(panel_width) * 2) {}
};

template <int Bits, quantised_scales Kind, int Offset>
MAGNET_INLINE void open_panel_of(const quantised_panel & w, const opened_panel & out) {
    constexpr int halves = Kind == quantised_scales::s8_of_halves ? 2 : 1;
    for (int32_t b = 0; b < w.strips[0].n_blocks; ++b) {
        for (int32_t strip = 0; strip < 2; ++strip) {
            for (int32_t lane = 0; lane < 16; lane += W) {
                vu q[8];
                unpack_factors<Bits>(w.strips[strip].quants + int64_t(b) * 64 * Bits + 4 * lane, q);
                const block_scales s = load_scales<Kind, offset_of<Bits, Offset>>(w.strips[strip], b, lane);
                unroll<8>([&](auto v) __attribute__((always_inline)) {
                    __builtin_memcpy(out.quants + ((b * 2 + strip) * 8 + v) * int64_t(64) + 4 * lane, &q[v], sizeof q[v]);
                });
                for (int half = 0; half < halves; ++half) {
                    const int64_t at = (b * halves + half) * int64_t(panel_width) + 16 * strip + lane;
                    store(out.scales + at, s.scale[half]);
                    store(out.minima + at, s.minimum[half]);
                }
            }
        }
    }
}

static void open_panel(const quantised_panel & w, float * memory) {
    with_format(w.format, [&](auto f) {
        open_panel_of<f.bits, f.kind, f.offset>(w, opened_panel(memory, w.strips[0].n_blocks));
    });
}

// out [N / parts, 32] at column `lane` += N rows of x times NV * W rows of the panel.
template <int Bits, quantised_scales Kind, int N, int NV>
MAGNET_INLINE void integer_tile(const opened_panel & w, int32_t n_blocks, const quantised_rows & x, int32_t first, int32_t parts,
                                int32_t lane, float * out) {
    constexpr int halves = Kind == quantised_scales::s8_of_halves ? 2 : 1;
    constexpr int group  = group_of<Bits>;
    float         sums[N][NV * W] = {};
    for (int32_t b = 0; b < n_blocks; ++b) {
        const uint8_t * q = w.quants + (b * 2 + lane / 16) * int64_t(8 * 64) + 4 * (lane % 16);
        unroll<halves>([&](auto half) __attribute__((always_inline)) {
            vi dots[N][NV];
            unroll<8 / halves / group>([&](auto g) __attribute__((always_inline)) {
                vi of_group[N][NV] = {};
                unroll<group>([&](auto k) __attribute__((always_inline)) {
                    constexpr int v = half * (8 / halves) + g * group + k;
                    vu            weights[NV];
                    unroll<NV>([&](auto j) __attribute__((always_inline)) { weights[j] = load_as<vu>(q + v * 64 + j * 4 * W); });
                    unroll<N>([&](auto i) __attribute__((always_inline)) {
                        const auto four = load_as<int32_t>(x.values + (first + i) * x.ld + b * 32 + 4 * v);
                        unroll<NV>([&](auto j) __attribute__((always_inline)) { add_products<Bits>(of_group[i][j], weights[j], four); });
                    });
                });
                unroll<N>([&](auto i) __attribute__((always_inline)) {
                    unroll<NV>([&](auto j) __attribute__((always_inline)) {
                        dots[i][j] = g == 0 ? group_sum(of_group[i][j]) : dots[i][j] + group_sum(of_group[i][j]);
                    });
                });
            });
            const int64_t at = (b * halves + half) * int64_t(panel_width) + lane;
            unroll<N>([&](auto i) __attribute__((always_inline)) {
                const quantised_scale & s   = x.scales[(first + i) * x.ld_scales + b];
                const float             sum = halves == 1 ? s.sum : half == 0 ? s.sum_low : s.sum_high;
                unroll<NV>([&](auto j) __attribute__((always_inline)) {
                    const vf scaled = __builtin_convertvector(dots[i][j], vf) * s.scale;
                    float *  to     = sums[i] + j * W;
                    vf       all    = load(to);
                    all += scaled * load(w.scales + at + j * W);
                    all += load(w.minima + at + j * W) * sum;
                    store(to, all);
                });
            });
            keep_in_memory(sums); // registers are for the sums of the block
        });
    }
    for (int32_t i = 0; i < N; ++i) {
        for (int j = 0; j < NV; ++j) {
            float * to = out + i / parts * panel_width + lane + j * W;
            store(to, load(to) + load(sums[i] + j * W));
        }
    }
}

template <int Bits, quantised_scales Kind, int N, int NV>
MAGNET_INLINE void integer_rows(const opened_panel & w, int32_t n_blocks, const quantised_rows & x, int32_t first, int32_t parts,
                                float * out) {
    for (int32_t lane = 0; lane < panel_width; lane += NV * W) {
        integer_tile<Bits, Kind, N, NV>(w, n_blocks, x, first, parts, lane, out);
    }
}

// out [rows, 32] += rows of x from the `first` on, each of `parts` vectors that are added, times an opened panel.
template <int Bits, quantised_scales Kind>
static void integer_product(const opened_panel & w, int32_t n_blocks, const quantised_rows & x, int32_t first, int32_t rows, int32_t parts,
                            float * out) {
    constexpr int NV  = W == 16 ? 1 : 16 / W; // sums of four rows in registers
    int32_t       i   = first * parts;
    const int32_t end = (first + rows) * parts;
    const auto    to  = [&] { return out + (i / parts - first) * panel_width; };
    for (; end - i >= 4; i += 4) {
        integer_rows<Bits, Kind, 4, NV>(w, n_blocks, x, i, parts, to());
    }
    for (; end - i >= 2; i += 2) {
        integer_rows<Bits, Kind, 2, NV>(w, n_blocks, x, i, parts, to());
    }
    if (i < end) {
        integer_rows<Bits, Kind, 1, NV>(w, n_blocks, x, i, parts, to());
    }
}

static void integer_product(quantised_format format, const float * opened, int32_t n_blocks, const quantised_rows & x, int32_t first,
                            int32_t rows, int32_t parts, float * out) {
    const opened_panel w(const_cast<float *>(opened), n_blocks);
    with_format(format, [&](auto f) { integer_product<f.bits, f.kind>(w, n_blocks, x, first, rows, parts, out); });
}

static thread_local scratch panel_scratch;

// out [x.n, 32] = x times a panel, which is opened if there are rows enough to make up for it.
static void quantised_product(const quantised_panel & w, const quantised_rows & x, float * out, int64_t ld) {
    constexpr int32_t enough   = W == 8 ? 8 : INT32_MAX;
    const int32_t     n_blocks = w.strips[0].n_blocks;
    if (x.n < enough || ld != panel_width) {
        with_format(w.format, [&](auto f) { panel_product<f.bits, f.kind, f.offset>(w, x, out, ld); });
        return;
    }
    auto * const opened = static_cast<float *>(panel_scratch.get(opened_size(n_blocks) * int64_t(sizeof(float))));
    open_panel(w, opened);
    __builtin_memset(out, 0, x.n * int64_t(panel_width) * sizeof(float));
    integer_product(w.format, opened, n_blocks, x, 0, x.n, 1, out);
}

} // namespace
} // namespace magnet::fused
