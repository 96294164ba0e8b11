// Everything that a training run has learned and where it stands: what a checkpoint holds.
#pragma once

#include "batches.h"
#include "metrics.h"
#include "model/lora-set.h"
#include "optimizer.h"
#include "projection.h"

namespace magnet::train {

// The trained numbers, or a gradient, or a moment of them.
struct trained_numbers {
    lora_set   lora;
    projection head;
};

trained_numbers zeros_like(const trained_numbers & numbers);

struct train_state {
    trained_numbers           now, m, v;     // m, v: AdamW's moments
    trained_numbers           average;       // over the steps, optimizer_options::average; empty without, and before the first
    trained_numbers           best;          // by held-out score; empty until one was computed
    int32_t                   step      = 0; // steps done
    int32_t                   best_step = 0;
    batch_places              places;
    std::vector<int32_t>      mined; // mine_negatives, before the first step; empty where nothing is mined
    std::vector<train_record> history; // one a step
};

// average becomes the mean of itself and now after that step, counted from 1: each state k <= step weighs about as much as
// (k / step)^(1 / share - 1), polynomial-decay averaging (arXiv 1212.1824, section 4), so that most of the weight is with
// the last share of the steps wherever a run ends.
void update_average(trained_numbers & average, const trained_numbers & now, double share, int32_t step);

// The optimizer's view of a state and a gradient of its shape.
std::vector<trained_tensor> tensors_of(train_state & state, const trained_numbers & gradient);

} // namespace magnet::train
