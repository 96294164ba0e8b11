// Hard negatives that the model finds itself: the texts of a corpus that it takes for the answer, and that are not.
#pragma once

#include "corpus.h"
#include "engine/engine.h"
#include "train-options.h"

#include <cstdint>
#include <vector>

namespace magnet::train {

// For every pair of data the index of a text among its candidates (corpus::candidates), -1 where there is none: the pair has
// a negative already, it has no candidates, or none of these fits. Of those that differ from the pair's own texts
// and whose cosine with the anchor is that of the positive less options.mine_margin, or less, the nearest one; of equal
// ones the first. Vectors are those of e as it is set up; on the CPU the same bits for any number of threads.
std::vector<int32_t> mine_negatives(engine & e, const corpus & data, const pair_options & options, const train_vocab & vocab);

} // namespace magnet::train
