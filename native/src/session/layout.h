// From a caller's template (text, gap, text, …) to tokens with positions and roles: parts become tokens here, where they
// go is said in model/placement.h. Infill, score, the mask picture and evaluation share it.
#pragma once

#include "model/model.h"
#include "model/placement.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace magnet {

struct layout_options : placement_options {
    bool filled    = false; // gaps hold their text (scoring) instead of empty places
    bool keep_text = false; // gaps that have a text hold it, the others are empty (the mask picture)
    bool keep_spaces = false; // of all texts before gaps
};

// Parts that are tokens, with the model's BOS.
layout make_layout(const model & m, const std::vector<token_part> & parts, const placement_options & options);

// Parts as text become parts that are tokens, the space before a gap moved into it (magnet_part in magnet.h). Validates them
// (INVALID_ARGUMENT names the index).
std::vector<token_part> tokenize_parts(const model & m, const magnet_part * parts, int32_t n_parts,
                                       const layout_options & options);

// What the k-th token of a gap adds to the gap's text: its bytes, without the space that the text before the gap shows.
std::string_view own_bytes(bool spaced, int32_t k, std::string_view bytes);

} // namespace magnet
