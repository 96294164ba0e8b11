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
    int64_t n_tokens = 0;
};

// Gradient of weights.mntp * MNTP + weights.sscl * SSCL + weights.msg * MSG, MNTP and MSG being means over all labels
// of the micro-batches together, SSCL the mean over micro-batches, each contrasted by itself.
//
// Dropout acts on text rows only: rows to embed may be computed twice (engine::train_coupled), and both passes must see
// the same network.
//
// e must have numbers.lora set as its first adapter. gradient has the shape of numbers and is overwritten.
step_losses compute_gradient(engine & e, const std::vector<micro_batch> & batches, const train_stage & weights,
                             const train_options & options, const trained_numbers & numbers, uint64_t dropout_seed,
                             trained_numbers & gradient);

} // namespace magnet::train
