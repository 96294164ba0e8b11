// Several fillings of one template (session::run_several): merged where they are the same text, and ranked by how likely
// the text is with them.
#pragma once

#include "layout.h"
#include "result.h"

#include <vector>

namespace magnet {

class session;

// Fillings of the same text become one, that of the first of them.
void merge_fillings(std::vector<result_filling> & fillings);

// Scores each filling and sorts them, the best first: the log-likelihood per token of all that stands from the first gap on,
// plain causal attention, at most n_right tokens behind the last gap. parts: the template as tokens. Throws as
// session::score.
void rank_fillings(session & s, const std::vector<token_part> & parts, int32_t n_right, std::vector<result_filling> & fillings);

} // namespace magnet
