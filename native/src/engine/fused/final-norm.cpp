#include "final-norm.h"

#include <cmath>

namespace magnet::fused {

void final_norm_row(const hparams & hp, const std::vector<float> & w, const float * x, float * hidden) {
    float sum = 0.0f;
    for (int32_t i = 0; i < hp.n_embd; ++i) {
        sum += x[i] * x[i];
    }
    const float rstd = 1.0f / std::sqrt(sum / float(hp.n_embd) + hp.eps);
    for (int32_t i = 0; i < hp.n_embd; ++i) {
        hidden[i] = x[i] * rstd * w[i];
    }
}

void final_norm(const hparams & hp, const std::vector<float> & w, matrix_buffer<float> & x, int32_t from, int32_t to,
                float * hidden) {
    for (int32_t t = from; t < to; ++t) {
        final_norm_row(hp, w, x.row(t), hidden + int64_t(t) * hp.n_embd);
    }
}

void final_norm_backward(const hparams & hp, const std::vector<float> & w, matrix_buffer<float> & x, int32_t from,
                         int32_t to, const float * d_hidden, matrix_buffer<float> & dx) {
    for (int32_t t = from; t < to; ++t) {
        const float * in  = x.row(t);
        const float * g   = d_hidden + int64_t(t) * hp.n_embd;
        float         sum = 0.0f;
        float         dot = 0.0f;
        for (int32_t i = 0; i < hp.n_embd; ++i) {
            sum += in[i] * in[i];
            dot += g[i] * w[i] * in[i];
        }
        const float rstd = 1.0f / std::sqrt(sum / float(hp.n_embd) + hp.eps);
        const float mean = dot * rstd * rstd / float(hp.n_embd);
        for (int32_t i = 0; i < hp.n_embd; ++i) {
            dx.row(t)[i] = rstd * (g[i] * w[i] - in[i] * mean);
        }
    }
}

} // namespace magnet::fused
