// The gated feed-forward (SwiGLU, GeGLU), forward and backward, as epilogues of its products.
#pragma once

#include "gemm.h"

namespace magnet::fused {
namespace {

// act(x) and act'(x)
struct activated {
    vf value;
    vf slope;
};

MAGNET_INLINE activated activate(activation act, vf x) {
    if (act == activation::silu) {
        const vf s = sigmoid(x);
        return { x * s, s + x * s * (1.0f - s) };
    }
    // gelu(x) = x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3): the tanh form
    constexpr float two_sqrt = 1.5957691216057308f;
    const vf        s        = sigmoid(two_sqrt * (x + 0.044715f * x * x * x));
    return { x * s, s + x * s * (1.0f - s) * (two_sqrt * (1.0f + 3.0f * 0.044715f * x * x)) };
}

static void activate_row(activation act, const float * gate, const float * up, int32_t n, float * out) {
    for (int32_t i = 0; i < n; i += W) {
        store(out + i, activate(act, load(gate + i)).value * load(up + i));
    }
}

template <class T>
static void gated(const gated_args<T> & a) {
    const int64_t n_gate = scratch_size(a.gate);
    float *       wide   = gemm_memory<T>(n_gate + scratch_size(a.up));
    prepared<T>   gate   = prepare(a.gate, wide);
    prepared<T>   up     = prepare(a.up, wide + n_gate);
    for_tiles<T>(a.gate.m, a.gate.n, a.gate.part, [&](int32_t row, int32_t rows, int32_t j, int32_t cols) {
        alignas(64) float g[tiling<T>::max_rows * 32];
        alignas(64) float u[tiling<T>::max_rows * 32];
        run_tile(gate, row, rows, j, cols, g);
        run_tile(up, row, rows, j, cols, u);
        for (int32_t r = 0; r < rows; ++r) {
            const row32 gr = load_row(g + r * 32, 32);
            const row32 ur = load_row(u + r * 32, 32);
            row32       h;
            for (int v = 0; v < V; ++v) {
                h.v[v] = activate(a.act, gr.v[v]).value * ur.v[v];
            }
            store_row(a.h + (row + r) * a.ldh + j * 32, h, cols);
            if (a.kept != nullptr) {
                T * kept = a.kept + (int64_t(j) * a.gate.m + row + r) * 64;
                store_row(kept, gr, 32);
                store_row(kept + 32, ur, 32);
            }
        }
    });
}

template <class T>
static void gated_backward(const gated_backward_args<T> & a) {
    run_gemm(a.dh, [&](int32_t row, int32_t rows, int32_t col, int32_t cols, const float * tile) {
        for (int32_t r = 0; r < rows; ++r) {
            const row32   dh   = load_row(tile + r * 32, 32);
            const T *     kept = a.kept + (int64_t(col / 32) * a.dh.m + row + r) * 64;
            const row32   g    = load_row(kept, 32);
            const row32   u    = load_row(kept + 32, 32);
            const int64_t at   = (row + r) * a.ld_d + col;
            row32         dg, du, h;
            for (int v = 0; v < V; ++v) {
                const activated f = activate(a.act, g.v[v]);
                h.v[v]            = f.value * u.v[v];
                du.v[v]           = dh.v[v] * f.value;
                dg.v[v]           = dh.v[v] * u.v[v] * f.slope;
            }
            store_row(a.d_gate + at, dg, cols);
            store_row(a.d_up + at, du, cols);
            store_row(a.h + (row + r) * a.ldh + col, h, cols);
        }
    });
}

} // namespace
} // namespace magnet::fused
