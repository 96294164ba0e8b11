// From parts (text, gap, text, …) to tokens with positions and roles: the one place that knows how a template with gaps
// is laid out. Infill, score, the mask picture and the trainer's evaluation share it.
#pragma once

#include "model/model.h"

#include <cstdint>
#include <vector>

namespace magnet {

struct slot {
    int32_t token; // -1 = a place in a gap that is not filled yet
    int32_t pos;
    int8_t  role;  // magnet_mask_role
    int32_t part;  // index of its part, -1 = BOS put in front
};

struct gap {
    int32_t part;       // index among the parts
    int32_t first;      // index of its first slot
    int32_t n_slots;    // its own tokens (scoring), or the places reserved for it
    int32_t predictor;  // index of the slot whose output predicts its first token; -1 = nothing does
    bool    open;       // ends when the model says so
};

struct layout {
    std::vector<slot> slots; // ascending positions
    std::vector<gap>  gaps;

    int32_t n_positions() const { return slots.empty() ? 0 : slots.back().pos + 1; }
};

struct layout_options {
    int32_t context       = MAGNET_CONTEXT_ORDERED; // HYBRID, ORDERED or LEFT
    int32_t max_tokens    = 64;                     // most tokens of an open gap that names none
    int32_t open_room     = 0;                      // positions of an open gap, if its places are fewer
    int32_t max_positions = INT32_MAX;              // of texts and gaps together; more is an error (TOO_LONG)
    bool    filled        = false;                  // gaps hold their text (scoring) instead of empty places
    bool    keep_text     = false; // gaps that have a text hold it, the others are empty (the mask picture)
    bool    need_bos      = false; // a leading gap without BOS is an error (UNSUPPORTED)
};

// A part as tokens.
struct token_part {
    bool                 is_gap     = false;
    bool                 filled     = false; // a gap that holds its tokens
    std::vector<int32_t> tokens;
    int32_t              length     = 0;     // as in magnet_part
    int32_t              max_length = 0;
};

// ORDERED: the last token left of a gap takes the role SPAN, so that it sees the right side before it predicts the gap's
// first token. LEFT: no room is reserved, all is SPAN.
layout make_layout(const model & m, const std::vector<token_part> & parts, const layout_options & options);

// The same for parts as text. Validates them (INVALID_ARGUMENT names the index).
layout make_layout(const model & m, const magnet_part * parts, int32_t n_parts, const layout_options & options);

} // namespace magnet
