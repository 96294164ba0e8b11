// What is known of a training step, and its line in the metrics file (JSON Lines).
#pragma once

#include "heldout.h"

#include <cstdint>
#include <string>
#include <vector>

namespace magnet::train {

struct train_record {
    int32_t        step          = 0; // counts from 1
    int32_t        stage         = 0; // counts from 0
    double         loss          = 0; // weighted sum
    double         mntp          = 0; // means over the step; NaN = not part of this step; so for the next three
    double         sscl          = 0;
    double         msg           = 0;
    double         base          = 0; // divergence from the base
    double         learning_rate = 0;
    double         gradient_norm = 0;     // before clipping
    int64_t        tokens        = 0;     // trained since the first step
    double         seconds       = 0;     // since the first step, interruptions left out
    bool           looked        = false; // the held-out losses were computed after this step
    heldout_losses heldout       = {};
};

// One line, without line break. What is not a number is left out.
std::string  record_to_json(const train_record & record);
train_record record_from_json(const std::string & line); // throws BAD_FILE

// Appends to a metrics file, one line a step, flushed at once.
class metrics_file {
public:
    // Starts path anew with the history of a resumed run ("" = writes nothing). Throws IO.
    metrics_file(const std::string & path, const std::vector<train_record> & history);

    void add(const train_record & record); // throws IO

private:
    std::string path;
};

} // namespace magnet::train
