// Which rows are computed together, and by which threads. Depends on the rows, the number of threads and the size of
// groups alone, so that results repeat bit for bit.
#pragma once

#include "engine/engine.h"
#include "model-file.h"

#include <cstdint>
#include <vector>

namespace magnet::fused {

// Rows whose tokens form one matrix: products run over all of them, attention row by row.
struct row_group {
    std::vector<int32_t> rows;    // indices into the caller's rows
    std::vector<int32_t> offsets; // [rows + 1] first token of each
    int32_t              n_tokens() const { return offsets.back(); }
};

struct work_plan {
    int32_t                             team_size = 1; // threads that share one group
    std::vector<std::vector<row_group>> teams;         // what each team does, in this order
};

// Short rows are packed into groups of about `group_tokens`.
work_plan plan_work(const std::vector<engine_row> & rows, const hparams & hp, int32_t group_tokens, int32_t n_threads);

// One group for each thread alone, all rows at once. Needs as many rows as threads.
work_plan plan_at_once(const std::vector<engine_row> & rows, int32_t n_threads);

} // namespace magnet::fused
