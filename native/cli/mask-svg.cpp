#include "mask-picture.h"

#include <algorithm>

#include "names.h"
#include "terminal.h"

namespace magnet_cli {

// Dark and light enough to stay apart for colour-blind eyes and in grey print (Okabe and Ito's palette).
static const char * colour_of(int32_t role) {
    switch (role) {
        case MAGNET_ROLE_CONTEXT:
            return "#0072b2";
        case MAGNET_ROLE_ORDERED:
            return "#009e73";
        default:
            return "#e69f00";
    }
}

static std::string escape(const std::string & text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

static std::string attribute(const char * name, int value) {
    return std::string(" ") + name + "=\"" + std::to_string(value) + "\"";
}

static std::string label(int x, int y, const std::string & anchor, const std::string & fill, const std::string & text,
                         const std::string & extra = "") {
    return "<text" + attribute("x", x) + attribute("y", y) + " text-anchor=\"" + anchor + "\" fill=\"" + fill + "\"" +
           extra + ">" + escape(text) + "</text>\n";
}

std::string draw_as_svg(const mask_picture & picture) {
    const int n       = picture.size();
    const int cell    = 16;
    const int gap     = 2; // between cells
    int       longest = 1;
    for (int32_t i = 0; i < n; ++i) {
        longest = std::clamp(display_width(label_of(picture, i)), longest, 16);
    }
    const int margin = longest * 7 + 12; // room for labels: 12 px monospace is about 7 px a character
    const int width  = std::max(margin + n * cell + 12, 360);
    const int height = margin + n * cell + 40;

    std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\"" + attribute("width", width) +
                      attribute("height", height) + " viewBox=\"0 0 " + std::to_string(width) + " " +
                      std::to_string(height) + "\" font-family=\"ui-monospace, monospace\" font-size=\"12\">\n" +
                      "<title>" + escape(picture.title) + ": rows see columns</title>\n" +
                      "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
    for (int i = 0; i < n; ++i) {
        const std::string text   = shorten(label_of(picture, i), 16);
        const char *      colour = colour_of(picture.slots[i].role);
        const int         middle = margin + i * cell + cell / 2;
        svg += label(margin - 6, middle + 4, "end", colour, text, " xml:space=\"preserve\"");
        svg += label(0, 0, "start", colour, text,
                     " xml:space=\"preserve\" transform=\"translate(" + std::to_string(middle + 4) + " " +
                         std::to_string(margin - 6) + ") rotate(-90)\"");
    }
    for (const auto & [name, role] : role_names()) {
        std::string path;
        for (int q = 0; q < n; ++q) {
            for (int k = 0; k < n; ++k) {
                if (picture.slots[k].role == role && picture.sees(q, k)) {
                    path += "M" + std::to_string(margin + k * cell) + " " + std::to_string(margin + q * cell) + "h" +
                            std::to_string(cell - gap) + "v" + std::to_string(cell - gap) + "h-" +
                            std::to_string(cell - gap) + "z";
                }
            }
        }
        if (!path.empty()) {
            svg += std::string("<path class=\"") + name + "\" fill=\"" + colour_of(role) + "\" d=\"" + path + "\"/>\n";
        }
    }
    svg += "<path fill=\"none\" stroke=\"#d0d0d0\" d=\"M" + std::to_string(margin - 1) + " " +
           std::to_string(margin - 1) + "h" + std::to_string(n * cell) + "v" + std::to_string(n * cell) + "h-" +
           std::to_string(n * cell) + "z\"/>\n";
    int x = 12;
    for (const auto & [name, role] : role_names()) {
        if (std::any_of(picture.slots.begin(), picture.slots.end(),
                        [role = role](auto & s) { return s.role == role; })) {
            svg += std::string("<rect") + attribute("x", x) + attribute("y", height - 24) +
                   attribute("width", cell - gap) + attribute("height", cell - gap) + " fill=\"" + colour_of(role) +
                   "\"/>\n";
            svg += label(x + cell + 4, height - 13, "start", "#333333", name);
            x += cell + 4 + 7 * static_cast<int>(std::string(name).size()) + 16;
        }
    }
    svg += label(x, height - 13, "start", "#333333", "rows see columns");
    return svg + "</svg>\n";
}

} // namespace magnet_cli
