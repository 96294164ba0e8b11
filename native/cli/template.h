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
 * where: said in the error about a gap that is none of these.
 */
pieces parse_template(const std::string & text, const std::string & where);

/*
 * What one record of input says: the template of its text; or, from JSONL, {"left": …, "gap": …, "right": …} (without
 * "gap", or one of the others), or {"parts": [{"text": …}, {"gap": …}, …]}. The value of "gap" is true (open), 4
 * (exact), "text" (filled) or {"length": 4, "max": 32, "text": …}.
 */
pieces read_pieces(const record & from);

// The forms of a JSONL record that it knows.
const record_forms & template_forms();

// The text with its gaps as the template language writes them, filled or not.
std::string to_template(const pieces & all);

// The parts borrow from all. keep_spaces: magnet_part.keep_space.
std::vector<magnet_part> to_parts(const pieces & all, bool keep_spaces);

bool has_gap(const pieces & all);

// Help of the flag --keep-spaces.
inline constexpr const char * keep_spaces_help =
    "a space before a gap stays in its text instead of going into the gap";

} // namespace magnet_cli
