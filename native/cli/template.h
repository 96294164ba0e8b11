#pragma once

#include <string>
#include <vector>

#include "input.h"
#include "magnet.h"

namespace magnet_cli {

// A text or a gap: what a magnet_part points to, owned.
struct piece {
    bool        gap = false;
    std::string text;               // gap: what fills it
    bool        filled     = false; // gap: has a text, be it empty
    int32_t     length     = 0;     // gap: exact number of tokens; 0 = open
    int32_t     max_length = 0;     // open gap: most tokens; 0 = the verb's default
};

using pieces = std::vector<piece>;

/*
 * The template language: text with gaps in it.
 *
 *     {{gap}}          open: the model decides where it ends
 *     {{gap:..32}}     open, of at most 32 tokens
 *     {{gap:4}}        of exactly 4 tokens
 *     {{gap=text}}     filled with a text (score, mask); {{gap:8=text}} in a room of 8 tokens
 *     \{{gap}}         no gap, but these very characters ({{ of any other kind needs no backslash)
 *
 * One space right before a gap goes into the gap: models join a space to the word behind it.
 * where: said in the error about a gap that is none of these.
 */
pieces parse_template(const std::string & text, const std::string & where);

/*
 * What one record of input says: the template of its text; or, from JSONL, {"left": …, "gap": …, "right": …} (each may
 * be missing), or {"parts": [{"text": …}, {"gap": …}, …]}, taken as they are. The value of "gap" is true (open), 4
 * (exact), "text" (filled) or {"length": 4, "max": 32, "text": …}.
 */
pieces read_pieces(const record & from);

// The parts borrow from all.
std::vector<magnet_part> to_parts(const pieces & all);

bool has_gap(const pieces & all);

} // namespace magnet_cli
