// UTF-8 at the edges of the library: texts that come in are checked, bytes of tokens that go out become characters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace magnet {

// Offset of the first byte that is not part of a well-formed character (Unicode 16, table 3-7), or npos.
size_t utf8_find_invalid(std::string_view text);

// True if more bytes could make text of these: whole characters, and at most one that is begun.
bool utf8_may_go_on(std::string_view bytes);

// Bytes of the whole characters that they begin with.
size_t utf8_whole(std::string_view bytes);

// Turns bytes that arrive in pieces into text. Half a character waits for the rest; bytes that can no longer become a
// character are replaced by U+FFFD.
class utf8_stream {
public:
    // Appends what became complete to text.
    void push(std::string_view bytes, std::string & text);

    // No more bytes will come: what waits becomes U+FFFD.
    void finish(std::string & text);

private:
    std::string pending_;
};

// The same for bytes that are all there.
std::string utf8_repair(std::string_view bytes);

} // namespace magnet
