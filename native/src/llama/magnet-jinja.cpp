#include "magnet-jinja.h"

#include <algorithm>

namespace {

// str.isspace() of Python (Unicode 16): category Zs, and bidirectional type WS, B or S.
bool is_space(const std::string & c) {
    static const std::vector<std::string> wide = {
        "\u0085", "\u00A0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
        "\u2007", "\u2008", "\u2009", "\u200A", "\u2028", "\u2029", "\u202F", "\u205F", "\u3000",
    };
    if (c.size() == 1) {
        return c[0] == ' ' || (c[0] >= '\t' && c[0] <= '\r') || (c[0] >= 0x1C && c[0] <= 0x1F);
    }
    return std::find(wide.begin(), wide.end(), c) != wide.end();
}

template <typename Iterator>
size_t size_of_space(Iterator begin, Iterator end) {
    size_t n = 0;
    for (; begin != end && is_space(*begin); ++begin) {
        n += begin->size();
    }
    return n;
}

} // namespace

std::vector<std::string> magnet_jinja_characters(const std::string & text) {
    std::vector<std::string> out;
    for (const char c : text) {
        if (out.empty() || ((unsigned char) c & 0xC0) != 0x80) {
            out.emplace_back();
        }
        out.back() += c;
    }
    return out;
}

std::string magnet_jinja_joined(const std::vector<std::string> & characters) {
    std::string out;
    for (const std::string & c : characters) {
        out += c;
    }
    return out;
}

size_t magnet_jinja_space_begin(const std::string & text) {
    const std::vector<std::string> all = magnet_jinja_characters(text);
    return size_of_space(all.begin(), all.end());
}

size_t magnet_jinja_space_end(const std::string & text) {
    const std::vector<std::string> all = magnet_jinja_characters(text);
    return size_of_space(all.rbegin(), all.rend());
}
