// Products of quantised rows with vectors of 8-bit integers: whole blocks of 16 rows by 32 columns at a time, a row a lane,
// so that nothing is added up across lanes. Four columns are multiplied by one instruction where there is one (VNNI).
#pragma once

#include "engine/fused/kernels.h"
#include "vec.h"

#if MAGNET_VECTOR_WIDTH == 8 && defined(__AVX2__)
#    include <immintrin.h>
#elif defined(__ARM_FEATURE_DOTPROD)
#    include <arm_neon.h>
#endif

namespace magnet::fused {
namespace {

typedef uint8_t vub __attribute__((vector_size(W)));
typedef int8_t  vib __attribute__((vector_size(W)));

// add_products: sums + the products of four bytes of weights a lane with the four signed bytes of x. The weights' bytes have Bits
// bits; those of eight are signed where signed_bytes says so (unpack_factors). Where four products cannot be added up at once, sums
// are pairs of 16 bits, of as many vectors as do not overflow: a group, which group_sum makes one number a lane of.
#if MAGNET_VECTOR_WIDTH == 8 && defined(__AVX2__)
template <int Bits>
constexpr int group_of = Bits == 4 ? 8 : Bits == 5 ? 4 : Bits == 6 ? 2 : 1;
constexpr bool signed_bytes = true;

template <int Bits>
MAGNET_INLINE void add_products(vi & sums, vu w, int32_t x) {
    const __m256i xs = _mm256_set1_epi32(x);
    if constexpr (Bits == 8) { // |w| times x with the sign of w: 2 * 127 * 128 fits
        sums = (vi)_mm256_maddubs_epi16(_mm256_abs_epi8((__m256i)w), _mm256_sign_epi8(xs, (__m256i)w));
    } else {
        const __m256i products = _mm256_maddubs_epi16((__m256i)w, xs);
        // not the intrinsic: GCC would make all products first and have no registers for them
        __asm__("vpaddw %1, %0, %0" : "+x"(sums) : "x"(products));
    }
}
MAGNET_INLINE vi group_sum(vi sums) { return (vi)_mm256_madd_epi16((__m256i)sums, _mm256_set1_epi16(1)); }

#else
template <int Bits>
constexpr int group_of = Bits == 6 ? 4 : 8; // all that share a scale
MAGNET_INLINE vi group_sum(vi sums) { return sums; }

#    if MAGNET_VECTOR_WIDTH == 16 && defined(__AVX512VNNI__)
constexpr bool signed_bytes = false;
template <int Bits>
MAGNET_INLINE void add_products(vi & sums, vu w, int32_t x) {
    sums = (vi)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)w, _mm512_set1_epi32(x));
}
#    elif MAGNET_VECTOR_WIDTH == 16
constexpr bool signed_bytes = false;
template <int Bits>
MAGNET_INLINE void add_products(vi & sums, vu w, int32_t x) {
    const auto dot = [&](vu bytes) __attribute__((always_inline)) { // of seven bits: two products of eight overflow 16
        const __m512i pairs = _mm512_maddubs_epi16((__m512i)bytes, _mm512_set1_epi32(x));
        return (vi)_mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
    };
    sums += Bits == 8 ? dot(w & 0x0f0f0f0f) + dot(w >> 4 & 0x0f0f0f0f) * 16 : dot(w);
}
#    elif MAGNET_VECTOR_WIDTH == 4 && defined(__ARM_FEATURE_DOTPROD)
constexpr bool signed_bytes = true;
template <int Bits>
MAGNET_INLINE void add_products(vi & sums, vu w, int32_t x) {
    sums = (vi)vdotq_s32((int32x4_t)sums, (int8x16_t)w, vreinterpretq_s8_s32(vdupq_n_s32(x)));
}
#    else
constexpr bool signed_bytes = false;
template <int Bits>
MAGNET_INLINE void add_products(vi & sums, vu w, int32_t x) {
    for (int j = 0; j < 4; ++j) {
        sums += (vi)(w >> (8 * j) & 0xff) * splat_int(int8_t(uint32_t(x) >> (8 * j)));
    }
}
#    endif
#endif

MAGNET_INLINE vf load_halves(const uint8_t * p) {
#if MAGNET_VECTOR_WIDTH == 16
    return (vf)_mm512_maskz_cvtph_ps(__mmask16(-1), load_as<__m256i>(p)); // the plain form warns under GCC 12
#elif MAGNET_VECTOR_WIDTH == 8 && defined(__F16C__)
    return (vf)_mm256_cvtph_ps(load_as<__m128i>(p));
#else
    const vu h = __builtin_convertvector(load_as<vh>(p), vu);
    return (vf)((vu)((vf)((h & 0x7fff) << 13) * 0x1p112f) | (h & 0x8000) << 16); // exact, subnormal ones too
#endif
}

MAGNET_INLINE vf load_bytes(const uint8_t * p) {
    return __builtin_convertvector(__builtin_convertvector(load_as<vub>(p), vi), vf);
}
MAGNET_INLINE vf load_signed_bytes(const uint8_t * p) {
    return __builtin_convertvector(__builtin_convertvector(load_as<vib>(p), vi), vf);
}

// The 32 columns of a block of W rows, four a vector: columns 4 v to 4 v + 3 in q[v].
template <int Bits>
MAGNET_INLINE void unpack_block(const uint8_t * p, vu (&q)[8]) {
    if constexpr (Bits == 8) {
        unroll<8>([&](auto v) __attribute__((always_inline)) { q[v] = load_as<vu>(p + 64 * v); });
        return;
    }
    unroll<4>([&](auto v) __attribute__((always_inline)) {
        const vu both = load_as<vu>(p + 64 * v);
        q[v]          = both & 0x0f0f0f0f;
        q[v + 4]      = both >> 4 & 0x0f0f0f0f;
    });
    if constexpr (Bits == 5) { // bit v of a byte belongs to q[v]
        const vu high = load_as<vu>(p + 256);
        unroll<8>([&](auto v) __attribute__((always_inline)) { q[v] |= (high >> int(v) & 0x01010101) << 4; });
    }
    if constexpr (Bits == 6) { // bits 2 v and 2 v + 1 of a byte belong to q[v], and in the second plane to q[v + 4]
        const vu low = load_as<vu>(p + 256), high = load_as<vu>(p + 320);
        unroll<4>([&](auto v) __attribute__((always_inline)) {
            q[v] |= (low >> (2 * v) & 0x03030303) << 4;
            q[v + 4] |= (high >> (2 * v) & 0x03030303) << 4;
        });
    }
}

// The same as add_products() takes them, and what they are more than their values.
template <int Bits>
MAGNET_INLINE void unpack_factors(const uint8_t * p, vu (&q)[8]) {
    unpack_block<Bits>(p, q);
    if constexpr (Bits == 8 && signed_bytes) {
        unroll<8>([&](auto v) __attribute__((always_inline)) { q[v] ^= 0x80808080u; });
    }
}
template <int Bits, int Offset>
constexpr int offset_of = Bits == 8 && signed_bytes ? 0 : Offset;

// Scales and minima of a block of W rows: those of columns 0 to 15 and of 16 to 31, which only some formats tell apart.
struct block_scales {
    vf scale[2];
    vf minimum[2]; // what a column adds, whatever its integer
};

template <quantised_scales Kind, int Offset>
MAGNET_INLINE block_scales load_scales(const quantised_strip & w, int32_t block, int32_t lane) {
    const uint8_t * p = w.scales + int64_t(block) * quantised_scale_bytes(Kind) + lane;
    block_scales    s;
    if constexpr (Kind == quantised_scales::f16 || Kind == quantised_scales::f16_and_minima) {
        s.scale[0]   = load_halves(p + lane);
        s.minimum[0] = Kind == quantised_scales::f16 ? s.scale[0] * float(-Offset) : load_halves(p + lane + 32);
    } else {
        const uint8_t * super = w.super + int64_t(block / 8) * quantised_super_bytes(Kind) + 2 * lane;
        const vf        d     = load_halves(super);
        if constexpr (Kind == quantised_scales::u8_and_minima) {
            s.scale[0]   = d * load_bytes(p);
            s.minimum[0] = -(load_halves(super + 32) * load_bytes(p + 16));
        } else {
            s.scale[0]   = d * load_signed_bytes(p);
            s.scale[1]   = d * load_signed_bytes(p + 16);
            s.minimum[0] = s.scale[0] * float(-Offset);
            s.minimum[1] = s.scale[1] * float(-Offset);
        }
    }
    return s;
}

// out [N, W] = W rows of a strip, from `lane` on, times N vectors from the `first` on.
template <int Bits, quantised_scales Kind, int Offset, int N>
MAGNET_INLINE void strip_product(const quantised_strip & w, const quantised_rows & x, int32_t first, int32_t lane,
                                 float * out, int64_t ld) {
    vf sums[N] = {};
    for (int32_t b = 0; b < w.n_blocks; ++b) {
        vu q[8];
        unpack_factors<Bits>(w.quants + int64_t(b) * 64 * Bits + 4 * lane, q);
        const block_scales s = load_scales<Kind, offset_of<Bits, Offset>>(w, b, lane);
        unroll<N>([&](auto i) __attribute__((always_inline)) {
            const int8_t *          values = x.values + (first + i) * x.ld + b * 32;
            const quantised_scale & scale  = x.scales[(first + i) * x.ld_scales + b];
            vi                      dot[2] = {};
            unroll<8 / group_of<Bits>>([&](auto g) __attribute__((always_inline)) {
                constexpr int part = Kind == quantised_scales::s8_of_halves ? g * group_of<Bits> / 4 : 0;
                vi            of_group = {};
                unroll<group_of<Bits>>([&](auto k) __attribute__((always_inline)) {
                    constexpr int v = g * group_of<Bits> + k;
                    add_products<Bits>(of_group, q[v], load_as<int32_t>(values + 4 * v));
                });
                dot[part] += group_sum(of_group);
            });
            const vf of_first = __builtin_convertvector(dot[0], vf) * scale.scale;
            if constexpr (Kind == quantised_scales::s8_of_halves) {
                const vf of_second = __builtin_convertvector(dot[1], vf) * scale.scale;
                sums[i] += of_first * s.scale[0]; // in this order everywhere: no number depends on how many rows there are
                sums[i] += s.minimum[0] * scale.sum_low;
                sums[i] += of_second * s.scale[1];
                sums[i] += s.minimum[1] * scale.sum_high;
            } else {
                sums[i] += of_first * s.scale[0];
                sums[i] += s.minimum[0] * scale.sum;
            }
        });
    }
    unroll<N>([&](auto i) __attribute__((always_inline)) { store(out + (first + i) * ld + lane, sums[i]); });
}

template <int Bits, quantised_scales Kind, int Offset>
static void panel_product(const quantised_panel & w, const quantised_rows & x, float * out, int64_t ld) {
    constexpr int32_t most = W == 16 ? 8 : 4; // as many sums as registers hold
    for (int32_t strip = 0; strip < 2; ++strip) {
        for (int32_t lane = 0; lane < 16; lane += W) {
            int32_t i = 0;
            for (; i + most <= x.n; i += most) {
                strip_product<Bits, Kind, Offset, most>(w.strips[strip], x, i, lane, out + 16 * strip, ld);
            }
            for (; i + 2 <= x.n; i += 2) {
                strip_product<Bits, Kind, Offset, 2>(w.strips[strip], x, i, lane, out + 16 * strip, ld);
            }
            if (i < x.n) {
                strip_product<Bits, Kind, Offset, 1>(w.strips[strip], x, i, lane, out + 16 * strip, ld);
            }
        }
    }
}

template <int Bits, quantised_scales Kind, int Offset>
struct format_constants {
    static constexpr int              bits   = Bits;
    static constexpr quantised_scales kind   = Kind;
    static constexpr int              offset = Offset;
};

// body(the format's constants)
template <class Body>
MAGNET_INLINE void with_format(quantised_format format, Body && body) {
    using kind = quantised_scales;
    switch (format) {
        case quantised_format::q4_0: return body(format_constants<4, kind::f16, 8>());
        case quantised_format::q4_1: return body(format_constants<4, kind::f16_and_minima, 0>());
        case quantised_format::q5_0: return body(format_constants<5, kind::f16, 16>());
        case quantised_format::q5_1: return body(format_constants<5, kind::f16_and_minima, 0>());
        case quantised_format::q8_0: return body(format_constants<8, kind::f16, 128>());
        case quantised_format::q4_k: return body(format_constants<4, kind::u8_and_minima, 0>());
        case quantised_format::q5_k: return body(format_constants<5, kind::u8_and_minima, 0>());
        case quantised_format::q6_k: return body(format_constants<6, kind::s8_of_halves, 32>());
    }
}

// Columns k and k + 1 of W rows, to the panel that gemm reads.
MAGNET_INLINE void store_columns(bf16 * out, int32_t k, int32_t row, vf x, vf y) {
    const vu words = round_bf16(x) | round_bf16(y) << 16;
    __builtin_memcpy(out + (int64_t(k) * panel_width + 2 * row), &words, sizeof words);
}
MAGNET_INLINE void store_columns(float * out, int32_t k, int32_t row, vf x, vf y) {
    store(out + int64_t(k) * panel_width + row, x);
    store(out + int64_t(k + 1) * panel_width + row, y);
}

template <int Bits, quantised_scales Kind, int Offset, class T>
static void unpack_panel(const quantised_panel & w, const float * column_scale, T * out) {
    for (int32_t strip = 0; strip < 2; ++strip) {
        for (int32_t b = 0; b < w.strips[strip].n_blocks; ++b) {
            for (int32_t lane = 0; lane < 16; lane += W) {
                vu q[8];
                unpack_block<Bits>(w.strips[strip].quants + int64_t(b) * 64 * Bits + 4 * lane, q);
                const block_scales s = load_scales<Kind, Offset>(w.strips[strip], b, lane);
                unroll<8>([&](auto v) __attribute__((always_inline)) {
                    constexpr int part = Kind == quantised_scales::s8_of_halves ? v / 4 : 0;
                    vf            x[4];
                    for (int j = 0; j < 4; ++j) {
                        x[j] = __builtin_convertvector((vi)(q[v] >> (8 * j) & 0xff), vf) * s.scale[part] + s.minimum[part];
                        if (column_scale != nullptr) {
                            x[j] *= column_scale[b * 32 + 4 * v + j];
                        }
                    }
                    store_columns(out, b * 32 + 4 * v, 16 * strip + lane, x[0], x[1]);
                    store_columns(out, b * 32 + 4 * v + 2, 16 * strip + lane, x[2], x[3]);
                });
            }
        }
    }
}

// Panel j in the form that gemm reads, [columns, panel_width].
template <class T>
static void unpack_panel(const quantised_source & w, int32_t j, T * out) {
    with_format(w.format, [&](auto f) { unpack_panel<f.bits, f.kind, f.offset>(w.panel(j), w.column_scale, out); });
}

MAGNET_INLINE int32_t max_in(vi v) {
    int32_t x[W];
    __builtin_memcpy(x, &v, sizeof v);
    int32_t m[4] = { x[0], x[1], x[2], x[3] };
    for (int i = 4; i < W; i += 4) {
        for (int j = 0; j < 4; ++j) {
            m[j] = max_of(m[j], x[i + j]);
        }
    }
    return max_of(max_of(m[0], m[1]), max_of(m[2], m[3]));
}

MAGNET_INLINE float float_of_bits(int32_t bits) {
    float f;
    __builtin_memcpy(&f, &bits, sizeof f);
    return f;
}

static void quantise(const float * x, int32_t n, int8_t * values, quantised_scale * scales) {
    for (int32_t b = 0; b < n / 32; ++b) {
        vf v[V];
        vi largest = {}; // as integers, among which what is no number is above all numbers: it must not get lost
        for (int j = 0; j < V; ++j) {
            v[j]          = load(x + b * 32 + j * W);
            const vi bits = (vi)v[j] & 0x7fffffff;
            largest       = bits > largest ? bits : largest;
        }
        const float scale   = float_of_bits(max_in(largest)) / 127.0f;
        const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
        vi          sums[2] = {};
        for (int j = 0; j < V; ++j) {
            const vi q = (vi)(v[j] * inverse + 12582912.0f) - (vi)splat(12582912.0f); // to the nearest integer
            sums[j * W / 16] += q;
            const vib bytes = __builtin_convertvector(q, vib);
            __builtin_memcpy(values + b * 32 + j * W, &bytes, sizeof bytes);
        }
        const float low  = scale * sum(__builtin_convertvector(sums[0], vf));
        const float high = scale * sum(__builtin_convertvector(sums[1], vf));
        scales[b]        = { scale, low + high, low, high };
    }
}

} // namespace
} // namespace magnet::fused
