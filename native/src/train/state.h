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
    trained_numbers           best;          // by held-out score; empty until one was computed
    int32_t                   step      = 0; // steps done
    int32_t                   best_step = 0;
    batch_places              places;
    std::vector<train_record> history; // one a step
};

// The optimizer's view of a state and a gradient of its shape.
std::vector<trained_tensor> tensors_of(train_state & state, const trained_numbers & gradient);

} // namespace magnet::train
