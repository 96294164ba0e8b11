#include "terminal.h"

#include <cstdio>
#include <cstdlib>
#include <cwchar>

#ifdef _WIN32
#    include <windows.h>

#    include <io.h>
#else
#    include <sys/ioctl.h>
#    include <unistd.h>
#endif

namespace magnet_cli {

#ifdef _WIN32

bool is_terminal(int fd) {
    DWORD mode;
    return GetConsoleMode(reinterpret_cast<HANDLE>(_get_osfhandle(fd)), &mode) != 0;
}

int terminal_width(int fd) {
    CONSOLE_SCREEN_BUFFER_INFO info;
    return GetConsoleScreenBufferInfo(reinterpret_cast<HANDLE>(_get_osfhandle(fd)), &info) != 0
               ? info.srWindow.Right - info.srWindow.Left + 1
               : 0;
}

static bool has_colours() {
    return true; // start_process() turned them on
}

// The system does not say; these are the blocks of combining and of East Asian wide characters (Unicode, UAX 11).
static int columns_of(int32_t code) {
    const auto in = [code](int32_t first, int32_t last) { return code >= first && code <= last; };
    if (code < 0x20 || in(0x7F, 0x9F) || in(0x300, 0x36F) || in(0x200B, 0x200F) || in(0x20D0, 0x20FF) || in(0xFE00, 0xFE0F)) {
        return 0;
    }
    const bool wide = in(0x1100, 0x115F) || in(0x2E80, 0xA4CF) || in(0xAC00, 0xD7A3) || in(0xF900, 0xFAFF) ||
                      in(0xFE30, 0xFE6F) || in(0xFF00, 0xFF60) || in(0xFFE0, 0xFFE6) || in(0x1F300, 0x1FAFF) ||
                      in(0x20000, 0x3FFFD);
    return wide ? 2 : 1;
}

#else

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

static bool has_colours() {
    const char * term = std::getenv("TERM");
    return term != nullptr && std::string_view(term) != "dumb";
}

static int columns_of(int32_t code) {
    const int width = wcwidth(static_cast<wchar_t>(code));
    return width < 0 ? 0 : width;
}

#endif

bool wants_colour(int fd) {
    const char * no_color = std::getenv("NO_COLOR");
    return is_terminal(fd) && (no_color == nullptr || *no_color == '\0') && has_colours();
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
    return code < 0 ? 1 : columns_of(code); // what is no UTF-8 is shown as one replacement character
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
