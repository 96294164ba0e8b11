// The attention rule (magnet-mask.h) of one row in the form that kernels read: see struct visibility in kernels.h.
#pragma once

#include "engine/engine.h"
#include "kernels.h"

#include <vector>

namespace magnet::fused {

// Tokens may be added and taken away at the end: a cache grows with its sequence.
class row_visibility {
public:
    row_visibility() = default;

    // Positions must lie in [0, INT32_MAX).
    explicit row_visibility(const engine_row & row) { append(row); }

    int32_t size() const { return static_cast<int32_t>(roles.size()); }
    void    append(const engine_row & row);
    void    truncate(int32_t n);
    void    set_role(int32_t begin, int32_t end, int8_t role);

    // Of layers with this window (0 = none). Valid until the next change, or move.
    visibility view(int32_t window = 0) const;

private:
    void refresh(int32_t first); // what is derived, from the block of this token on

    std::vector<int8_t>             roles; // of tokens, without padding
    std::vector<int32_t>            position;
    std::vector<int8_t>             is_span;
    std::vector<int32_t>            key_span, key_other, key_position;
    std::vector<int32_t>            query_for_span, query_for_ordered;
    std::vector<visibility::bounds> blocks;
};

} // namespace magnet::fused
