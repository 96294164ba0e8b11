#include "optimizer.h"

#include <algorithm>
#include <cmath>

namespace magnet::train {

static const double pi = 3.14159265358979323846;

double learning_rate(const optimizer_options & options, int32_t step, int32_t steps) {
    const double rate = options.learning_rate, end = options.learning_rate_end;
    if (step < options.warmup) {
        return rate * (step + 1) / options.warmup;
    }
    const double begin = std::min(options.warmup, steps - 1);
    const double done  = steps - 1 > begin ? (step - begin) / (steps - 1 - begin) : 1.0;
    switch (options.decay) {
        case MAGNET_LR_LINEAR:
            return rate * (1.0 - (1.0 - end) * done);
        case MAGNET_LR_COSINE:
            return rate * (end + (1.0 - end) * 0.5 * (1.0 + std::cos(pi * done)));
        default:
            return rate;
    }
}

double gradient_norm(const std::vector<trained_tensor> & tensors) {
    double sum = 0.0;
    for (const trained_tensor & t : tensors) {
        for (int64_t i = 0; i < t.n; ++i) {
            sum += double(t.gradient[i]) * t.gradient[i];
        }
    }
    return std::sqrt(sum);
}

void adamw_step(const std::vector<trained_tensor> & tensors, const optimizer_options & o, double lr,
                double gradient_scale, int64_t update) {
    const float beta1 = float(o.beta1), beta2 = float(o.beta2), eps = float(o.eps);
    const float keep  = float(1.0 - lr * o.weight_decay);
    const float step  = float(lr / (1.0 - std::pow(o.beta1, double(update))));
    const float unv   = float(1.0 / std::sqrt(1.0 - std::pow(o.beta2, double(update))));
    const float scale = float(gradient_scale);
    for (const trained_tensor & t : tensors) {
        for (int64_t i = 0; i < t.n; ++i) {
            const float g = t.gradient[i] * scale;
            t.m[i]        = beta1 * t.m[i] + (1.0f - beta1) * g;
            t.v[i]        = beta2 * t.v[i] + (1.0f - beta2) * g * g;
            t.value[i]    = keep * t.value[i] - step * t.m[i] / (std::sqrt(t.v[i]) * unv + eps);
        }
    }
}

} // namespace magnet::train
