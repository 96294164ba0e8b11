// Everything that works on one token at a time: norms, rotary embedding, conversion, dropout, softmax of the head.
#pragma once

#include "engine/fused/kernels.h"
#include "vec.h"

namespace magnet::fused {
namespace {

MAGNET_INLINE float rsqrt_of(float x) { return 1.0f / __builtin_sqrtf(x); }

// Loops f(i, n) over [0, n): whole vectors through `vector(i)`, the rest through `scalar(i)`.
template <class Vector, class Scalar>
MAGNET_INLINE void for_each(int32_t n, Vector && vector, Scalar && scalar) {
    int32_t i = 0;
    for (; i + W <= n; i += W) {
        vector(i);
    }
    for (; i < n; ++i) {
        scalar(i);
    }
}

template <class A, class B>
MAGNET_INLINE float dot(const A * a, const B * b, int32_t n) {
    vf    acc  = {};
    float tail = 0.0f;
    for_each(
        n, [&](int32_t i) { acc += load(a + i) * load(b + i); },
        [&](int32_t i) { tail += to_float(a[i]) * to_float(b[i]); });
    return sum(acc) + tail;
}

template <class T>
static void rms_norm(const float * x, int64_t ldx, int32_t rows, int32_t d, float eps, T * y, int64_t ldy,
                     float * rstd) {
    for (int32_t r = 0; r < rows; ++r, x += ldx, y += ldy) {
        rstd[r] = rsqrt_of(dot(x, x, d) / float(d) + eps);
        for_each(
            d, [&](int32_t i) { store(y + i, load(x + i) * rstd[r]); },
            [&](int32_t i) { from_float(x[i] * rstd[r], y[i]); });
    }
}

template <class T>
static void rms_norm_backward(const float * dy, int64_t ldy, const T * y, int64_t ld, const float * rstd, int32_t rows,
                              int32_t d, float * dx, int64_t ldx) {
    for (int32_t r = 0; r < rows; ++r, dy += ldy, y += ld, dx += ldx) {
        const float mean = dot(dy, y, d) / float(d);
        const float inv  = rstd[r];
        for_each(
            d, [&](int32_t i) { store(dx + i, load(dx + i) + inv * (load(dy + i) - load(y + i) * mean)); },
            [&](int32_t i) { dx[i] += inv * (dy[i] - to_float(y[i]) * mean); });
    }
}

template <class T>
static void residual(const residual_args<T> & a) {
    for (int32_t t = 0; t < a.n; ++t) {
        const float * y = a.y + t * a.ld_y;
        float *       x = a.x + t * a.ld_x;
        if (a.w == nullptr) {
            for_each(
                a.d, [&](int32_t i) { store(x + i, load(x + i) + load(y + i) * a.scale); },
                [&](int32_t i) { x[i] += y[i] * a.scale; });
            continue;
        }
        const float rstd = rsqrt_of(dot(y, y, a.d) / float(a.d) + a.eps);
        for_each(
            a.d, [&](int32_t i) { store(x + i, load(x + i) + load(y + i) * rstd * load(a.w + i) * a.scale); },
            [&](int32_t i) { x[i] += y[i] * rstd * a.w[i] * a.scale; });
        if (a.unit != nullptr) {
            T * unit  = a.unit + t * a.ld_unit;
            a.rstd[t] = rstd;
            for_each(
                a.d, [&](int32_t i) { store(unit + i, load(y + i) * rstd); },
                [&](int32_t i) { from_float(y[i] * rstd, unit[i]); });
        }
    }
}

// dy = rstd (g - unit mean(g unit)) with g = scale w dx, or scale dx without w.
template <class T>
static void residual_backward(const residual_args<T> & a) {
    for (int32_t t = 0; t < a.n; ++t) {
        const float * dx = a.x + t * a.ld_x;
        T *           dy = a.dy + t * a.ld_dy;
        if (a.w == nullptr) {
            for_each(
                a.d, [&](int32_t i) { store(dy + i, load(dx + i) * a.scale); },
                [&](int32_t i) { from_float(dx[i] * a.scale, dy[i]); });
            continue;
        }
        const T * unit = a.unit + t * a.ld_unit;
        vf        sums = {};
        float     mean = 0.0f;
        for_each(
            a.d, [&](int32_t i) { sums += load(dx + i) * load(a.w + i) * load(unit + i); },
            [&](int32_t i) { mean += dx[i] * a.w[i] * to_float(unit[i]); });
        mean            = (sum(sums) + mean) / float(a.d);
        const float inv = a.rstd[t] * a.scale;
        for_each(
            a.d, [&](int32_t i) { store(dy + i, inv * (load(dx + i) * load(a.w + i) - load(unit + i) * mean)); },
            [&](int32_t i) { from_float(inv * (dx[i] * a.w[i] - to_float(unit[i]) * mean), dy[i]); });
    }
}

// One head rotated: pairs (i, i + half); backward turns the other way.
MAGNET_INLINE void rotate(float * x, int32_t half, const float * cos, const float * sin, float direction) {
    for_each(
        half,
        [&](int32_t i) {
            const vf a = load(x + i), b = load(x + half + i), c = load(cos + i), s = load(sin + i) * direction;
            store(x + i, a * c - b * s);
            store(x + half + i, a * s + b * c);
        },
        [&](int32_t i) {
            const float a = x[i], b = x[half + i], s = sin[i] * direction;
            x[i]        = a * cos[i] - b * s;
            x[half + i] = a * s + b * cos[i];
        });
}

template <class T>
MAGNET_INLINE void convert_row(const float * x, int32_t n, T * y) {
    for_each(
        n, [&](int32_t i) { store(y + i, load(x + i)); }, [&](int32_t i) { from_float(x[i], y[i]); });
}

template <class T>
static void convert(const float * x, int64_t ldx, int32_t rows, int32_t n, T * y, int64_t ldy) {
    for (int32_t r = 0; r < rows; ++r) {
        convert_row(x + r * ldx, n, y + r * ldy);
    }
}

// Calls f(first, n, w, i) for the i-th norm of queries and keys: of n columns from the first one on, with the weights w.
template <class F>
MAGNET_INLINE void for_each_norm(const head_layout & l, F && f) {
    if (l.q_norm != nullptr && l.norm_all) {
        f(0, l.q_size(), l.q_norm, 0);
        f(l.q_size(), l.k_size(), l.k_norm, 1);
    } else if (l.q_norm != nullptr) {
        for (int32_t h = 0; h < l.n_head + l.n_head_kv; ++h) {
            f(h * l.head_dim, l.head_dim, h < l.n_head ? l.q_norm : l.k_norm, h);
        }
    }
}

template <class T>
static void qkv(const qkv_args<T> & a) {
    const head_layout & l    = *a.heads;
    const int32_t       half = l.n_rot / 2;
    for (int32_t t = 0; t < a.n; ++t) {
        float * row = a.in + t * a.ld_in;
        for_each_norm(l, [&](int32_t first, int32_t n, const float * w, int32_t norm) {
            float *     x    = row + first;
            const float rstd = rsqrt_of(dot(x, x, n) / float(n) + l.eps);
            if (a.normed != nullptr) {
                T * normed = a.normed + t * a.ld_normed + first;
                for (int32_t i = 0; i < n; ++i) {
                    from_float(x[i] * rstd, normed[i]);
                }
                a.rstd[t * a.ld_rstd + norm] = rstd;
            }
            for (int32_t i = 0; i < n; ++i) {
                x[i] *= rstd * w[i];
            }
        });
        for (int32_t h = 0; h < l.n_head + l.n_head_kv; ++h) {
            rotate(row + h * l.head_dim, half, a.cos + int64_t(t) * half, a.sin + int64_t(t) * half, 1.0f);
        }
        convert_row(row, l.size(), a.out + t * a.ld_out);
    }
}

template <class T>
static void qkv_backward(const qkv_args<T> & a) {
    const head_layout & l    = *a.heads;
    const int32_t       half = l.n_rot / 2;
    for (int32_t t = 0; t < a.n; ++t) {
        float * row = a.in + t * a.ld_in;
        for (int32_t h = 0; h < l.n_head + l.n_head_kv; ++h) {
            rotate(row + h * l.head_dim, half, a.cos + int64_t(t) * half, a.sin + int64_t(t) * half, -1.0f);
        }
        for_each_norm(l, [&](int32_t first, int32_t n, const float * w, int32_t norm) {
            float *     dx     = row + first;
            const T *   normed = a.normed + t * a.ld_normed + first;
            const float rstd   = a.rstd[t * a.ld_rstd + norm];
            for (int32_t i = 0; i < n; ++i) {
                dx[i] *= w[i];
            }
            const float mean = dot(dx, normed, n) / float(n);
            for (int32_t i = 0; i < n; ++i) {
                dx[i] = rstd * (dx[i] - to_float(normed[i]) * mean);
            }
        });
        convert_row(row, l.size(), a.out + t * a.ld_out);
    }
}

template <class T>
static void drop(const T * x, int64_t ldx, int32_t rows, int32_t n, const dropout_mask & mask, T * y, int64_t ldy) {
    for (int32_t r = 0; r < rows; ++r, x += ldx, y += ldy) {
        for (int32_t i = 0; i < n; i += W) {
            float    keep[W];
            const vf k = keep_scale(mask.keys[r], i, mask.threshold, mask.scale);
            if (i + W <= n) {
                store(y + i, load(x + i) * k);
                continue;
            }
            store(keep, k);
            for (int32_t c = i; c < n; ++c) {
                from_float(to_float(x[c]) * keep[c - i], y[c]);
            }
        }
    }
}

static float log_sum_exp(const float * x, int32_t n) {
    vf    maxima = splat(x[0]);
    float max    = x[0];
    for_each(
        n, [&](int32_t i) { maxima = max_of(maxima, load(x + i)); }, [&](int32_t i) { max = x[i] > max ? x[i] : max; });
    const float m = max_in(maxima);
    max           = m > max ? m : max;

    vf     sums  = {};
    double total = 0.0;
    for_each(
        n,
        [&](int32_t i) {
            sums += exp(load(x + i) - max);
            if (i % 4096 == 0) { // keeps float sums short over a large vocabulary
                total += sum(sums);
                sums = vf{};
            }
        },
        [&](int32_t i) { total += __builtin_expf(x[i] - max); });
    return max + float(__builtin_log(total + sum(sums)));
}

template <class T>
static void softmax_gradient(const float * x, int32_t n, float lse, int32_t target, float weight, T * y) {
    for_each(
        n, [&](int32_t i) { store(y + i, exp(load(x + i) - lse) * weight); },
        [&](int32_t i) { from_float(__builtin_expf(x[i] - lse) * weight, y[i]); });
    if (target >= 0 && target < n) {
        from_float((__builtin_expf(x[target] - lse) - 1.0f) * weight, y[target]);
    }
}

MAGNET_INLINE vf capped(vf score, float scale, float cap) {
    return cap * (2.0f * sigmoid(score * (2.0f * scale / cap)) - 1.0f); // tanh
}

// d capped / d (scale * score)
template <class V>
MAGNET_INLINE V slope_of_cap(V score, float cap) {
    return 1.0f - score * score * (1.0f / (cap * cap));
}

static void cap_row(float * s, int32_t n, float scale, float cap) {
    if (cap > 0.0f) {
        for_each(
            n, [&](int32_t i) { store(s + i, capped(load(s + i), scale, cap)); },
            [&](int32_t i) { s[i] = cap * __builtin_tanhf(s[i] * scale / cap); });
    } else {
        for_each(
            n, [&](int32_t i) { store(s + i, load(s + i) * scale); }, [&](int32_t i) { s[i] *= scale; });
    }
}

template <class T>
static float softmax_part(softmax_state & state, const float * x, int32_t n, int32_t target, float cap, T * y) {
    vf    maxima = splat(state.max);
    float max    = state.max;
    for_each(
        n, [&](int32_t i) { maxima = max_of(maxima, load(x + i)); }, [&](int32_t i) { max = x[i] > max ? x[i] : max; });
    const float m     = max_in(maxima);
    max               = m > max ? m : max;
    const float decay = __builtin_expf(state.max - max);

    vf    sums = {};
    float tail = 0.0f;
    for_each(
        n,
        [&](int32_t i) {
            const vf s = load(x + i);
            const vf e = exp(s - max);
            sums += e;
            if (y != nullptr) {
                store(y + i, cap > 0.0f ? e * slope_of_cap(s, cap) : e);
            }
        },
        [&](int32_t i) {
            const float e = __builtin_expf(x[i] - max);
            tail += e;
            if (y != nullptr) {
                from_float(cap > 0.0f ? e * slope_of_cap(x[i], cap) : e, y[i]);
            }
        });
    if (target >= 0 && target < n) {
        state.score = x[target];
        if (y != nullptr) {
            from_float(0.0f, y[target]);
        }
    }
    state.total = state.total * decay + (sum(sums) + tail);
    state.max   = max;
    return decay;
}

template <class T>
static float softmax_difference(const float * x, float lse, const float * base, float lse_base, int32_t n, float weight,
                                T * y) {
    vf    sums = {};
    float tail = 0.0f;
    for_each(
        n,
        [&](int32_t i) {
            const vf log_q = load(x + i) - lse, log_p = load(base + i) - lse_base, p = exp(log_p);
            sums += p * (log_p - log_q);
            if (y != nullptr) {
                store(y + i, (exp(log_q) - p) * weight);
            }
        },
        [&](int32_t i) {
            const float log_q = x[i] - lse, log_p = base[i] - lse_base, p = __builtin_expf(log_p);
            tail += p * (log_p - log_q);
            if (y != nullptr) {
                from_float((__builtin_expf(log_q) - p) * weight, y[i]);
            }
        });
    return sum(sums) + tail;
}

} // namespace
} // namespace magnet::fused
