#include "projection.h"

#include "rng.h"

#include <cmath>

namespace magnet::train {

projection make_projection(int32_t n_in, int32_t n_out, uint64_t seed) {
    projection   p = {n_in, n_out, std::vector<float>(size_t(n_in) * n_out), std::vector<float>(size_t(n_out), 0.0f)};
    rng          r(seed, draw::projection);
    const double bound = 1.0 / std::sqrt(double(n_in));
    for (float & w : p.w) {
        w = float((2.0 * r.uniform() - 1.0) * bound);
    }
    return p;
}

std::vector<float> project(const projection & p, const std::vector<float> & v) {
    const int64_t      n = int64_t(v.size()) / p.n_in;
    std::vector<float> z(size_t(n * p.n_out));
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t o = 0; o < p.n_out; ++o) {
            double sum = p.b[o];
            for (int64_t k = 0; k < p.n_in; ++k) {
                sum += double(p.w[o * p.n_in + k]) * v[i * p.n_in + k];
            }
            z[i * p.n_out + o] = float(std::tanh(sum));
        }
    }
    return z;
}

std::vector<float> project_backward(const projection & p, const std::vector<float> & v, const std::vector<float> & z,
                                    const std::vector<float> & d_z, projection & d_p) {
    const int64_t      n = int64_t(v.size()) / p.n_in;
    std::vector<float> d_v(v.size(), 0.0f);
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t o = 0; o < p.n_out; ++o) {
            const float tanh = z[i * p.n_out + o];
            const float g    = d_z[i * p.n_out + o] * (1.0f - tanh * tanh);
            d_p.b[o] += g;
            for (int64_t k = 0; k < p.n_in; ++k) {
                d_p.w[o * p.n_in + k] += g * v[i * p.n_in + k];
                d_v[i * p.n_in + k] += g * p.w[o * p.n_in + k];
            }
        }
    }
    return d_v;
}

} // namespace magnet::train
