#pragma once

#include <string>
#include <vector>

#include "magnet.h"
#include "output.h"

namespace magnet_cli {

// A text laid out for the model, in the order of positions, and who sees whom in it.
struct mask_picture {
    std::string              title; // what is drawn, e.g. "infill, ordered context"
    std::vector<magnet_slot> slots;
    std::vector<std::string> texts; // [slots]; "" for an unfilled place

    int32_t size() const { return static_cast<int32_t>(slots.size()); }
    bool    sees(int32_t query, int32_t key) const {
           return magnet_sees(slots[query].role, slots[query].pos, slots[key].role, slots[key].pos);
    }
};

// The text of a slot on one line, spaces visible; "_" for an unfilled place.
std::string label_of(const mask_picture & picture, int32_t slot);

// For a terminal: a row is who looks, a column who is seen. With a label on each row where columns suffice (0 = as many
// as it takes), else two rows in a line. A failure if even that is too wide.
void draw_in_text(output & out, const mask_picture & picture, int columns, bool colour);

// For documents: a picture in SVG, about 16 px a token.
std::string draw_as_svg(const mask_picture & picture);

} // namespace magnet_cli
