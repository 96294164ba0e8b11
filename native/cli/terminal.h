#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace magnet_cli {

bool is_terminal(int fd);

// Columns of the terminal behind fd; 0 = not a terminal.
int terminal_width(int fd);

// Colours are for people: only on a terminal that has them, and not if NO_COLOR (no-color.org) is set.
bool wants_colour(int fd);

// Reads the code point at offset and moves offset behind it. Returns -1, without moving, if the bytes there are no
// UTF-8 (RFC 3629: overlong forms, surrogates and values above 10FFFF are none).
int32_t next_code_point(std::string_view text, size_t & offset);

// Offset of the first byte that is no UTF-8; npos if there is none.
size_t find_invalid_utf8(std::string_view text);

// Columns that text takes; control and combining characters take none.
int display_width(std::string_view text);

// text in at most `columns` columns, the end replaced by … if need be.
std::string shorten(std::string_view text, int columns);

// text with spaces behind it (before it if right) up to `columns`.
std::string pad(std::string_view text, int columns, bool right = false);

// text in double quotes on one line: \n, \t, \", \\ and bytes that are no UTF-8 as \xNN.
std::string quote(std::string_view text);

// 1234567 -> "1,234,567"
std::string group_thousands(int64_t value);

} // namespace magnet_cli
