#include "terminal.h"

#include <cstdio>
#include <cstdlib>
#include <cwchar>

#include <sys/ioctl.h>
#include <unistd.h>

namespace magnet_cli {

bool is_terminal(int fd) {
    return isatty(fd) == 1;
}

int terminal_width(int fd) {
    if (!is_terminal(fd)) {
        return 0;
    }
    winsize size{};
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

bool wants_colour(int fd) {
    const char * no_color = std::getenv("NO_COLOR");
    const char * term     = std::getenv("TERM");
    return is_terminal(fd) && (no_color == nullptr || *no_color == '\0') && term != nullptr &&
           std::string_view(term) != "dumb";
}

int32_t next_code_point(std::string_view text, size_t & offset) {
    const auto byte = [&](size_t i) {
        return offset + i < text.size() ? static_cast<unsigned char>(text[offset + i]) : 0u;
    };
    const unsigned lead = byte(0);
    if (lead < 0x80) {
        ++offset;
        return static_cast<int32_t>(lead);
    }
    const size_t size = lead >= 0xC2 && lead <= 0xDF   ? 2
                        : (lead & 0xF0) == 0xE0        ? 3
                        : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                       : 0;
    if (size == 0) {
        return -1;
    }
    int32_t code = static_cast<int32_t>(lead & (0xFFu >> (size + 1)));
    for (size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xC0) != 0x80) {
            return -1;
        }
        code = (code << 6) | static_cast<int32_t>(byte(i) & 0x3F);
    }
    const bool overlong  = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (overlong || surrogate || code > 0x10FFFF) {
        return -1;
    }
    offset += size;
    return code;
}

size_t find_invalid_utf8(std::string_view text) {
    for (size_t offset = 0; offset < text.size();) {
        if (next_code_point(text, offset) < 0) {
            return offset;
        }
    }
    return std::string_view::npos;
}

static int code_width(int32_t code) {
    if (code < 0) {
        return 1; // shown as one replacement character
    }
    const int width = wcwidth(static_cast<wchar_t>(code));
    return width < 0 ? 0 : width;
}

int display_width(std::string_view text) {
    int width = 0;
    for (size_t offset = 0; offset < text.size();) {
        const int32_t code = next_code_point(text, offset);
        offset += code < 0;
        width += code_width(code);
    }
    return width;
}

std::string shorten(std::string_view text, int columns) {
    if (display_width(text) <= columns) {
        return std::string(text);
    }
    int    width = 0;
    size_t end   = 0;
    for (size_t offset = 0; offset < text.size(); end = offset) {
        const int32_t code = next_code_point(text, offset);
        offset += code < 0;
        width += code_width(code);
        if (width > columns - 1) {
            break;
        }
    }
    return columns > 0 ? std::string(text.substr(0, end)) + "…" : "";
}

std::string pad(std::string_view text, int columns, bool right) {
    const int         missing = columns - display_width(text);
    const std::string spaces(missing > 0 ? static_cast<size_t>(missing) : 0, ' ');
    return right ? spaces + std::string(text) : std::string(text) + spaces;
}

std::string quote(std::string_view text) {
    std::string out = "\"";
    const auto  hex = [&](unsigned char byte) {
        char buffer[8];
        std::snprintf(buffer, sizeof buffer, "\\x%02X", byte);
        out += buffer;
    };
    for (size_t offset = 0; offset < text.size();) {
        const size_t  begin = offset;
        const int32_t code  = next_code_point(text, offset);
        if (code < 0) {
            hex(static_cast<unsigned char>(text[offset++]));
        } else if (code == '\n' || code == '\t' || code == '\r') {
            out += code == '\n' ? "\\n" : code == '\t' ? "\\t" : "\\r";
        } else if (code == '"' || code == '\\') {
            out += '\\';
            out += static_cast<char>(code);
        } else if (code < 0x20 || code == 0x7F) {
            hex(static_cast<unsigned char>(code));
        } else {
            out += text.substr(begin, offset - begin);
        }
    }
    return out + "\"";
}

std::string group_thousands(int64_t value) {
    std::string digits = std::to_string(value);
    for (int64_t i = static_cast<int64_t>(digits.size()) - 3; i > (value < 0 ? 1 : 0); i -= 3) {
        digits.insert(static_cast<size_t>(i), ",");
    }
    return digits;
}

} // namespace magnet_cli
