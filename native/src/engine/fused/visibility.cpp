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

void row_visibility::append(const engine_row & row) {
    const int32_t first = size();
    position.resize(first);
    for (int32_t i = 0; i < row.n_tokens; ++i) {
        roles.push_back(row.roles ? row.roles[i] : int8_t(MAGNET_MASK_SPAN));
        position.push_back(row.pos ? row.pos[i] : i);
    }
    refresh(first);
}

void row_visibility::truncate(int32_t n) {
    roles.resize(n);
    refresh(n);
}

void row_visibility::set_role(int32_t begin, int32_t end, int8_t role) {
    std::fill(roles.begin() + begin, roles.begin() + end, role);
    refresh(begin);
}

void row_visibility::refresh(int32_t first) {
    const int32_t n_blocks = (size() + visibility::block - 1) / visibility::block;
    const int32_t padded   = n_blocks * visibility::block;
    const int32_t begin    = first / visibility::block * visibility::block;

    position.resize(padded);
    is_span.resize(padded);
    for (std::vector<int32_t> * keys : { &key_span, &key_other, &key_position }) {
        keys->resize(padded);
    }
    query_for_span.resize(padded);
    query_for_ordered.resize(padded);
    blocks.resize(n_blocks);

    constexpr int64_t above = int64_t(1) << 40;
    for (int32_t i = begin; i < padded; ++i) {
        visibility::bounds & b = blocks[i / visibility::block];
        if (i % visibility::block == 0) {
            b = { above, -above, above, -above, above, -above, above, -above, above, -above };
        }
        if (i < size()) {
            const int8_t  role = roles[i];
            const int32_t pos  = position[i];
            const bool    span = role == MAGNET_MASK_SPAN;

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
            b.position_min = std::min<int64_t>(b.position_min, pos);
            b.position_max = std::max<int64_t>(b.position_max, pos);
        } else {
            position[i] = 0;
            is_span[i]  = 0;
            key_span[i] = key_other[i] = key_position[i] = never;
            query_for_span[i] = query_for_ordered[i] = nowhere;
        }
        b.key_span_min  = std::min<int64_t>(b.key_span_min, key_span[i]);
        b.key_span_max  = std::max<int64_t>(b.key_span_max, key_span[i]);
        b.key_other_min = std::min<int64_t>(b.key_other_min, key_other[i]);
        b.key_other_max = std::max<int64_t>(b.key_other_max, key_other[i]);
    }
}

visibility row_visibility::view(int32_t window) const {
    visibility v;
    v.window            = window;
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
