// The attention rule (magnet-mask.h) of one row in the form that kernels read: see struct visibility in kernels.h.
#pragma once

#include "engine/engine.h"
#include "kernels.h"

#include <vector>

namespace magnet::fused {

class row_visibility {
public:
    // Positions must lie in [0, INT32_MAX).
    explicit row_visibility(const engine_row & row);

    // Valid as long as this object lives and is not moved from.
    visibility view() const;

private:
    std::vector<int32_t>            position;
    std::vector<int8_t>             is_span;
    std::vector<int32_t>            key_span, key_other, key_position;
    std::vector<int32_t>            query_for_span, query_for_ordered;
    std::vector<visibility::bounds> blocks;
};

} // namespace magnet::fused
