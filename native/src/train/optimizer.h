// AdamW (arXiv 1711.05101) and what decides its step size.
#pragma once

#include "train-options.h"

#include <cstdint>
#include <vector>

namespace magnet::train {

// Borrowed: one tensor that is trained, its gradient and its two moments, all of n floats.
struct trained_tensor {
    float *       value;
    const float * gradient;
    float *       m;
    float *       v;
    int64_t       n;
};

// Learning rate of a step, 0-based, of `steps`: linear warm-up, then the decay down to learning_rate * learning_rate_end at the last step.
double learning_rate(const optimizer_options & options, int32_t step, int32_t steps);

// L2 norm of all gradients together.
double gradient_norm(const std::vector<trained_tensor> & tensors);

// One update. `update` counts from 1 (it corrects the bias of the moments); gradients are multiplied by gradient_scale
// on the way in (clipping). Decay is decoupled: value *= 1 - lr * weight_decay.
void adamw_step(const std::vector<trained_tensor> & tensors, const optimizer_options & options, double lr,
                double gradient_scale, int64_t update);

} // namespace magnet::train
