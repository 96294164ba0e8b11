// Vectors of MAGNET_VECTOR_WIDTH floats for one instruction set, by the compiler's vector extension.
//
// Headers in this folder are compiled once per kernel-*.cpp with that file's flags. Everything in them has internal
// linkage and no standard library code is called: a function compiled for one CPU must never be linked in for another.
#pragma once

#include "base/aligned-memory.h"
#include "engine/fused/bf16.h"

#include <cstdint>

#if MAGNET_VECTOR_WIDTH == 16
#    include <immintrin.h>
#endif

#define MAGNET_INLINE static inline __attribute__((always_inline))

namespace magnet::fused {

[[noreturn]] void throw_out_of_memory(); // kernel-choice.cpp

namespace {

constexpr int W = MAGNET_VECTOR_WIDTH;

typedef float    vf __attribute__((vector_size(W * 4)));
typedef int32_t  vi __attribute__((vector_size(W * 4)));
typedef uint32_t vu __attribute__((vector_size(W * 4)));
typedef uint16_t vh __attribute__((vector_size(W * 2)));

template <int I>
struct index {
    static constexpr int value = I;
    constexpr operator int() const { return I; }
};

template <int... I>
struct index_list {};

template <int N, int... I>
struct make_indices : make_indices<N - 1, N - 1, I...> {};

template <int... I>
struct make_indices<0, I...> {
    using type = index_list<I...>;
};

template <int N>
using first_indices = typename make_indices<N>::type;

// f(index<0>), f(index<1>), ...: unrolled before registers are assigned, so that arrays indexed by it live in registers.
template <int N, int I = 0, class F>
MAGNET_INLINE void unroll(F && f) {
    if constexpr (I < N) {
        f(index<I>{});
        unroll<N, I + 1>(static_cast<F &&>(f));
    }
}

MAGNET_INLINE int32_t min_of(int32_t a, int32_t b) { return a < b ? a : b; }
MAGNET_INLINE int32_t max_of(int32_t a, int32_t b) { return a > b ? a : b; }

MAGNET_INLINE vf splat(float x) { return x - vf{}; }
MAGNET_INLINE vi splat_int(int32_t x) { return x - vi{}; }

template <class V>
MAGNET_INLINE V load_as(const void * p) {
    V v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

MAGNET_INLINE vf load(const float * p) { return load_as<vf>(p); }
MAGNET_INLINE vf load(const bf16 * p) { return (vf)(__builtin_convertvector(load_as<vh>(p), vu) << 16); }
MAGNET_INLINE vi load(const int32_t * p) { return load_as<vi>(p); }

MAGNET_INLINE void store(float * p, vf v) { __builtin_memcpy(p, &v, sizeof v); }

// The bits of bf16 in the low halves. What is no number stays none: rounded up it would become zero.
MAGNET_INLINE vu round_bf16(vf v) {
    const vu u = (vu)v;
    return v == v ? (u + 0x7fff + ((u >> 16) & 1)) >> 16 : u >> 16 | 0x40;
}

MAGNET_INLINE void store(bf16 * p, vf v) {
#if defined(MAGNET_DOT_BF16)
    const __m256bh h = _mm512_cvtneps_pbh((__m512)v);
    __builtin_memcpy(p, &h, sizeof h);
#else
    const vh h = __builtin_convertvector(round_bf16(v), vh);
    __builtin_memcpy(p, &h, sizeof h);
#endif
}

MAGNET_INLINE float sum(vf v) {
    float x[W];
    store(x, v);
    float s[4] = { x[0], x[1], x[2], x[3] };
    for (int i = 4; i < W; i += 4) {
        for (int j = 0; j < 4; ++j) {
            s[j] += x[i + j];
        }
    }
    return (s[0] + s[1]) + (s[2] + s[3]);
}

MAGNET_INLINE vf max_of(vf a, vf b) { return a > b ? a : b; }
MAGNET_INLINE vf min_of(vf a, vf b) { return a < b ? a : b; }

MAGNET_INLINE float max_in(vf v) {
    float x[W];
    store(x, v);
    float m[4] = { x[0], x[1], x[2], x[3] };
    for (int i = 4; i < W; i += 4) {
        for (int j = 0; j < 4; ++j) {
            m[j] = x[i + j] > m[j] ? x[i + j] : m[j];
        }
    }
    const float a = m[0] > m[1] ? m[0] : m[1], b = m[2] > m[3] ? m[2] : m[3];
    return a > b ? a : b;
}

// Whether any lane of a is above that of b.
MAGNET_INLINE bool any_above(vf a, vf b) {
#if MAGNET_VECTOR_WIDTH == 16
    return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_GT_OQ) != 0;
#else
    const vi above = a > b;
    int32_t  any   = 0;
    for (int i = 0; i < W; ++i) {
        any |= above[i];
    }
    return any != 0;
#endif
}

// a0 b0 a1 b1 ... of the lower, or the upper, halves of two vectors.
template <bool Upper, int... I>
MAGNET_INLINE vu interleave_at(vu a, vu b, index_list<I...>) {
    return __builtin_shufflevector(a, b, (I / 2 + (Upper ? W / 2 : 0) + (I % 2 ? W : 0))...);
}

// W vectors of W words each, transposed in place: log2(W) rounds of the perfect shuffle.
MAGNET_INLINE void transpose_words(vu (&rows)[W]) {
    for (int round = 1; round < W; round *= 2) {
        vu next[W];
        unroll<W / 2>([&](auto i) __attribute__((always_inline)) {
            next[2 * i]     = interleave_at<false>(rows[i], rows[i + W / 2], first_indices<W>{});
            next[2 * i + 1] = interleave_at<true>(rows[i], rows[i + W / 2], first_indices<W>{});
        });
        unroll<W>([&](auto i) __attribute__((always_inline)) { rows[i] = next[i]; });
    }
}

// e^x to 2 ulp; 0 below -87.
MAGNET_INLINE vf exp(vf x) {
    const vf clamped = min_of(max_of(x, splat(-87.0f)), splat(88.0f));
    const vf shifted = clamped * 1.44269504088896341f + 12582912.0f; // adding 1.5 * 2^23 rounds to an integer
    const vf n       = shifted - 12582912.0f;
    const vf r       = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
    vf       p       = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p                = p * r + 8.3334519073e-3f;
    p                = p * r + 4.1665795894e-2f;
    p                = p * r + 1.6666665459e-1f;
    p                = p * r + 5.0000001201e-1f;
    p                = p * (r * r) + r + 1.0f;
    const vi scale   = ((vi)shifted - (vi)splat(12582912.0f)) << 23;
    const vf y       = (vf)((vi)p + scale);
    return x < -87.0f ? vf{} : y;
}

// 2^x to 4e-6 of its value, for x <= 0; 0 below -126. For what is rounded to bf16.
MAGNET_INLINE vf exp2_roughly(vf x) {
#if MAGNET_VECTOR_WIDTH == 16
    const vf n = (vf)_mm512_maskz_roundscale_ps(__mmask16(-1), (__m512)x, _MM_FROUND_TO_NEAREST_INT);
#else
    x          = max_of(x, splat(-127.0f));
    const vf n = (x + 12582912.0f) - 12582912.0f;
#endif
    const vf r = x - n; // in [-1/2, 1/2]
    vf       p = r * 9.666368515e-3f + 5.592197584e-2f;
    p          = p * r + 2.402234904e-1f;
    p          = p * r + 6.931210452e-1f;
    p          = p * r + 1.0f;
#if MAGNET_VECTOR_WIDTH == 16
    return (vf)_mm512_maskz_scalef_ps(__mmask16(-1), (__m512)p, (__m512)n);
#else
    const vf y = (vf)((vi)p + (__builtin_convertvector(n, vi) << 23));
    return x < -126.0f ? vf{} : y;
#endif
}

// 1 / x to 1 ulp
MAGNET_INLINE vf reciprocal(vf x) {
#if MAGNET_VECTOR_WIDTH == 16
    const vf y = (vf)_mm512_maskz_rcp14_ps(__mmask16(-1), (__m512)x); // the plain form warns under GCC 12
    return y * (2.0f - x * y);
#else
    return 1.0f / x;
#endif
}

MAGNET_INLINE vf sigmoid(vf x) { return reciprocal(1.0f + exp(-x)); }

// Entry (key, channel) of a dropout mask: a 32-bit hash of both (Wellons' lowbias32).
MAGNET_INLINE vu hash(uint32_t key, int32_t channel) {
    vu x;
    for (int i = 0; i < W; ++i) {
        x[i] = uint32_t(channel + i);
    }
    x = (x * 0x9e3779b9u) ^ key;
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    return x ^ (x >> 16);
}

// 0 or scale.
MAGNET_INLINE vf keep_scale(uint32_t key, int32_t channel, uint32_t threshold, float scale) {
    return hash(key, channel) < threshold ? vf{} : splat(scale);
}

// A run of panel_width floats, of which the first `cols` exist in memory.
constexpr int V = 32 / W;

struct row32 {
    vf v[V];
};

template <class T>
MAGNET_INLINE row32 load_row(const T * p, int32_t cols) {
    row32 r;
    if (cols == 32) {
        for (int j = 0; j < V; ++j) {
            r.v[j] = load(p + j * W);
        }
    } else {
        T padded[32] = {};
        for (int32_t c = 0; c < cols; ++c) {
            padded[c] = p[c];
        }
        for (int j = 0; j < V; ++j) {
            r.v[j] = load(padded + j * W);
        }
    }
    return r;
}

template <class T>
MAGNET_INLINE void store_row(T * p, const row32 & r, int32_t cols) {
    if (cols == 32) {
        for (int j = 0; j < V; ++j) {
            store(p + j * W, r.v[j]);
        }
    } else {
        T padded[32];
        for (int j = 0; j < V; ++j) {
            store(padded + j * W, r.v[j]);
        }
        for (int32_t c = 0; c < cols; ++c) {
            p[c] = padded[c];
        }
    }
}

// Memory of the calling thread, reused by its calls; holds until the next get() of the same object.
class scratch {
public:
    ~scratch() { free_aligned(data); }

    void * get(int64_t bytes) {
        if (bytes > size) {
            free_aligned(data);
            size                = 0;
            const int64_t total = (bytes + 4095) / 4096 * 4096;
            data                = allocate_aligned(64, total);
            if (data == nullptr) {
                throw_out_of_memory();
            }
            __builtin_memset(data, 0, total);
            size = total;
        }
        return data;
    }

private:
    void *  data = nullptr;
    int64_t size = 0;
};

} // namespace
} // namespace magnet::fused
