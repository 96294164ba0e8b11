#include "visibility.h"

#include "magnet-mask.h"

#include <algorithm>
#include <limits>

namespace magnet::fused {

namespace {

// Positions are never negative, so these lie outside of them.
constexpr int32_t nowhere = std::numeric_limits<int32_t>::lowest();
constexpr int32_t always  = nowhere + 1; // of keys: above nowhere, which sees no key
constexpr int32_t never   = std::numeric_limits<int32_t>::max();

// Least query position from which a key is seen by queries of one role.
int32_t seen_from(int8_t role_q, int8_t role_k, int32_t pos_k) {
    return std::max(magnet_mask_visible_from(role_q, role_k, pos_k), always);
}

// The rule from the query's side: greatest position of the keys of one role that it sees.
int32_t sees_up_to(int8_t role_q, int32_t pos_q, int8_t role_k) {
    const int32_t from = seen_from(role_q, role_k, pos_q);
    return from == always ? never : from == never ? nowhere : pos_q;
}

} // namespace

row_visibility::row_visibility(const engine_row & row) {
    const int32_t n_blocks = (row.n_tokens + visibility::block - 1) / visibility::block;
    const int32_t padded   = n_blocks * visibility::block;

    position.assign(padded, 0);
    is_span.assign(padded, 0);
    key_span.assign(padded, never);
    key_other.assign(padded, never);
    key_position.assign(padded, never);
    query_for_span.assign(padded, nowhere);
    query_for_ordered.assign(padded, nowhere);

    constexpr int64_t above = int64_t(1) << 40;
    blocks.assign(n_blocks, { above, -above, above, -above, above, -above, above, -above });

    for (int32_t i = 0; i < padded; ++i) {
        visibility::bounds & b = blocks[i / visibility::block];
        if (i < row.n_tokens) {
            const int8_t  role = row.roles ? row.roles[i] : int8_t(MAGNET_MASK_SPAN);
            const int32_t pos  = row.pos ? row.pos[i] : i;
            const bool    span = role == MAGNET_MASK_SPAN;

            position[i]          = pos;
            is_span[i]           = span;
            key_span[i]          = seen_from(MAGNET_MASK_SPAN, role, pos);
            key_other[i]         = seen_from(MAGNET_MASK_CONTEXT, role, pos);
            key_position[i]      = seen_from(role, role, pos); // among its own kind
            query_for_span[i]    = sees_up_to(role, pos, MAGNET_MASK_SPAN);
            query_for_ordered[i] = sees_up_to(role, pos, MAGNET_MASK_ORDERED);

            int64_t & min = span ? b.query_span_min : b.query_other_min;
            int64_t & max = span ? b.query_span_max : b.query_other_max;
            min           = std::min<int64_t>(min, pos);
            max           = std::max<int64_t>(max, pos);
        }
        b.key_span_min  = std::min<int64_t>(b.key_span_min, key_span[i]);
        b.key_span_max  = std::max<int64_t>(b.key_span_max, key_span[i]);
        b.key_other_min = std::min<int64_t>(b.key_other_min, key_other[i]);
        b.key_other_max = std::max<int64_t>(b.key_other_max, key_other[i]);
    }
}

visibility row_visibility::view() const {
    visibility v;
    v.n_blocks          = static_cast<int32_t>(blocks.size());
    v.position          = position.data();
    v.is_span           = is_span.data();
    v.key_span          = key_span.data();
    v.key_other         = key_other.data();
    v.key_position      = key_position.data();
    v.query_for_span    = query_for_span.data();
    v.query_for_ordered = query_for_ordered.data();
    v.blocks            = blocks.data();
    return v;
}

} // namespace magnet::fused
