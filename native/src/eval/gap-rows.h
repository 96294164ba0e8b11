// What infilling is measured on: rows of texts and gaps, from stories, prose, or as they are given.
#pragma once

#include "evaluation.h"

#include <string>
#include <vector>

namespace magnet::eval {

struct given_texts {
    std::string left, gap, right;
};

struct gap_row {
    std::vector<token_part> parts; // gaps hold their true text
    given_texts             texts; // of MAGNET_EVAL_GAPS_GIVEN
};

// Those of the file, as the parameters say. Throws BAD_FILE, also if there is none.
std::vector<gap_row> read_gap_rows(evaluation & e);

} // namespace magnet::eval
