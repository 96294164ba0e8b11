// One training step up to its gradient: the three losses of a few micro-batches and what they mean for the adapter.
#pragma once

#include "state.h"

namespace magnet::train {

// Means over the step; NaN = not part of it.
struct step_losses {
    double  total    = 0; // weighted sum
    double  mntp     = 0;
    double  sscl     = 0;
    double  msg      = 0;
    double  base     = 0; // divergence of rows that keep the base
    int64_t n_tokens = 0;
};

// Gradient of weights.mntp * MNTP + weights.sscl * SSCL + weights.msg * MSG, MNTP and MSG being means over all labels
// of the micro-batches together, SSCL the mean over micro-batches, each contrasted by itself. To MSG's mean every token
// of a row that keeps the base adds its divergence from what e predicts without adapters.
//
// Dropout acts on text rows only: rows to embed may be computed twice (engine::train_coupled), and both passes must see
// the same network.
//
// e must have numbers.lora set as its only adapter, and has again afterwards. gradient has the shape of numbers and is overwritten.
step_losses compute_gradient(engine & e, const std::vector<micro_batch> & batches, const train_stage & weights,
                             const train_options & options, const trained_numbers & numbers, uint64_t dropout_seed,
                             trained_numbers & gradient);

} // namespace magnet::train
