// The layout rule: from parts that are tokens (text, gap, text, …) to positions and roles. Its one home: sessions come
// here with a caller's template (session/layout.h), the trainer with a window of its texts (train/rows.h).
#pragma once

#include "magnet.h"

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
    int32_t n_slots;    // its own tokens (scoring, training), or the places reserved for it
    int32_t predictor;  // index of the slot whose output predicts its first token; -1 = nothing does
    bool    open;       // ends when the model says so
    bool    spaced;     // as in token_part

    // Index of the slot whose output predicts the gap's i-th token; i = n_slots: what ends it. -1 = nothing does.
    int32_t predictor_of(int32_t i) const { return i == 0 ? predictor : first + i - 1; }
};

struct layout {
    std::vector<slot> slots; // ascending positions
    std::vector<gap>  gaps;

    int32_t n_positions() const { return slots.empty() ? 0 : slots.back().pos + 1; }
};

// A part as tokens.
struct token_part {
    bool                 is_gap     = false;
    bool                 filled     = false; // a gap that holds its tokens
    std::vector<int32_t> tokens;
    int32_t              length     = 0;     // as in magnet_part
    int32_t              max_length = 0;
    bool                 spaced     = false; // a gap that begins with the space that ends the text before it
};

struct bos_rule {
    int32_t token  = -1;    // -1 = the vocabulary has none
    bool    always = false; // it stands before every text, else only before a gap at the start
};

struct placement_options {
    int32_t context       = MAGNET_CONTEXT_ORDERED; // HYBRID, ORDERED or LEFT; FIM is no placement (session/fim-prompt.h)
    int32_t max_tokens    = 64;                     // most tokens of an open gap that names none
    int32_t open_room     = 0;                      // positions of an open gap, if its places are fewer
    int32_t max_positions = INT32_MAX;              // of texts and gaps together; more is an error (TOO_LONG)
    int32_t n_ctx_train   = 0;                      // of the model, which may read more
    bool    need_bos      = false;                  // a leading gap without BOS is an error (UNSUPPORTED)
};

// Places of a gap that is not filled: its exact length, or the most tokens that it may have.
int32_t places_of(const token_part & gap, const placement_options & options);

// Throws TOO_LONG for more positions than there may be.
void check_positions(int64_t n_positions, const placement_options & options, const char * cure = "Shorten it or the gaps");

// Throws INVALID_ARGUMENT for a filled gap of more tokens than its length; index: of its part.
void check_filled(const token_part & gap, int32_t index);

// ORDERED: the last token left of a gap takes the role SPAN, so that it sees the right side before it predicts the gap's
// first token. LEFT: no room is reserved, all is SPAN. Throws INVALID_ARGUMENT for a filled gap longer than its length.
layout place_parts(const std::vector<token_part> & parts, const bos_rule & bos, const placement_options & options);

} // namespace magnet
