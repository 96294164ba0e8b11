#include "mask-picture.h"

#include <algorithm>

#include "error.h"
#include "names.h"
#include "terminal.h"

namespace magnet_cli {

namespace {

struct look {
    const char * cell;   // two columns
    int          colour; // of the 256-colour palette
};

} // namespace

static look look_of(int32_t role) {
    switch (role) {
        case MAGNET_ROLE_CONTEXT:
            return {"██", 32};
        case MAGNET_ROLE_ORDERED:
            return {"▓▓", 36};
        default:
            return {"▒▒", 208};
    }
}

std::string label_of(const mask_picture & picture, int32_t slot) {
    if (picture.slots[slot].token < 0) {
        return "_";
    }
    const std::string quoted = quote(picture.texts[slot]);
    std::string       label;
    for (const char c : quoted.substr(1, quoted.size() - 2)) {
        label += c == ' ' ? "␣" : std::string(1, c);
    }
    return label;
}

static std::string in_colour(const std::string & code, const std::string & text) {
    return "\033[" + code + "m" + text + "\033[0m";
}

static std::string foreground(int colour) {
    return "38;5;" + std::to_string(colour);
}

static std::string legend(const mask_picture & picture, bool colour) {
    std::string text = "rows see columns:";
    for (const auto & [name, role] : role_names()) {
        if (std::any_of(picture.slots.begin(), picture.slots.end(),
                        [role = role](auto & s) { return s.role == role; })) {
            const look how = look_of(role);
            text += "  " + (colour ? in_colour(foreground(how.colour), "██") : how.cell) + " " + name;
        }
    }
    return text;
}

// Numbers above every fifth column of two-column cells.
static std::string ruler(const mask_picture & picture) {
    std::string line;
    for (int32_t i = 0; i < picture.size(); i += 5) {
        line += pad(std::to_string(picture.slots[i].pos), std::min(5, picture.size() - i) * 2);
    }
    return line;
}

static void draw_large(output & out, const mask_picture & picture, int label_columns, bool colour) {
    out.line(std::string(static_cast<size_t>(label_columns) + 15, ' ') + ruler(picture));
    for (int32_t q = 0; q < picture.size(); ++q) {
        const magnet_slot & slot = picture.slots[q];
        std::string line = pad(std::to_string(slot.pos), 4, true) + "  " + pad(name_of(role_names(), slot.role), 7) +
                           "  " + pad(shorten(label_of(picture, q), label_columns - 1), label_columns);
        for (int32_t k = 0; k < picture.size(); ++k) {
            const look how = look_of(picture.slots[k].role);
            if (!picture.sees(q, k)) {
                line += colour ? in_colour("2", " ·") : " ·";
            } else {
                line += colour ? in_colour(foreground(how.colour), "██") : how.cell;
            }
        }
        out.line(line);
    }
}

// Two rows a line: the upper half block shows the first, its background the second.
static void draw_small(output & out, const mask_picture & picture, bool colour) {
    for (int32_t q = 0; q < picture.size(); q += 2) {
        std::string line;
        for (int32_t k = 0; k < picture.size(); ++k) {
            const bool         upper = picture.sees(q, k);
            const bool         lower = q + 1 < picture.size() && picture.sees(q + 1, k);
            const int          shade = look_of(picture.slots[k].role).colour;
            const char * const cell  = upper && lower ? "█" : upper ? "▀" : lower ? "▄" : " ";
            line += colour ? in_colour(foreground(shade), cell) : cell;
        }
        out.line(line);
    }
}

void draw_in_text(output & out, const mask_picture & picture, int columns, bool colour) {
    int label_columns = 1;
    for (int32_t i = 0; i < picture.size(); ++i) {
        label_columns = std::clamp(display_width(label_of(picture, i)) + 1, label_columns, 16);
    }
    out.line(picture.title);
    if (columns == 0 || label_columns + 15 + 2 * picture.size() <= columns) {
        draw_large(out, picture, label_columns, colour);
    } else if (picture.size() <= columns) {
        draw_small(out, picture, colour);
    } else {
        throw failure("the picture is " + std::to_string(picture.size()) + " columns wide, the terminal " +
                      std::to_string(columns) + "; use --svg FILE, or a shorter text");
    }
    out.line(legend(picture, colour));
}

} // namespace magnet_cli
