#include "utf8.h"

namespace magnet {

namespace {

constexpr const char * replacement = "\xEF\xBF\xBD"; // U+FFFD

enum class next { character, incomplete, invalid, end };

// Looks at the character at offset i; size receives its bytes (of an invalid one: the bytes to replace together).
next next_character(std::string_view s, size_t i, size_t & size) {
    size = 0;
    if (i >= s.size()) {
        return next::end;
    }

    const auto    byte = [&](size_t k) { return (uint8_t) s[k]; };
    const uint8_t b0   = byte(i);
    if (b0 < 0x80) {
        size = 1;
        return next::character;
    }

    // the second byte's range excludes overlong forms, surrogates and what lies beyond U+10FFFF
    size_t  n  = 0;
    uint8_t lo = 0x80, hi = 0xBF;
    if (b0 >= 0xC2 && b0 <= 0xDF) {
        n = 2;
    } else if (b0 >= 0xE0 && b0 <= 0xEF) {
        n  = 3;
        lo = b0 == 0xE0 ? 0xA0 : 0x80;
        hi = b0 == 0xED ? 0x9F : 0xBF;
    } else if (b0 >= 0xF0 && b0 <= 0xF4) {
        n  = 4;
        lo = b0 == 0xF0 ? 0x90 : 0x80;
        hi = b0 == 0xF4 ? 0x8F : 0xBF;
    } else {
        size = 1;
        return next::invalid;
    }

    for (size_t k = 1; k < n; ++k) {
        if (i + k >= s.size()) {
            size = k;
            return next::incomplete;
        }
        const uint8_t b = byte(i + k);
        if (b < (k == 1 ? lo : 0x80) || b > (k == 1 ? hi : 0xBF)) {
            size = k;
            return next::invalid;
        }
    }
    size = n;
    return next::character;
}

} // namespace

size_t utf8_find_invalid(std::string_view text) {
    size_t size = 0;
    for (size_t i = 0; i < text.size(); i += size) {
        if (next_character(text, i, size) != next::character) {
            return i;
        }
    }
    return std::string_view::npos;
}

bool utf8_may_go_on(std::string_view bytes) {
    size_t     size  = 0;
    const next found = next_character(bytes, utf8_whole(bytes), size);
    return found == next::incomplete || found == next::end;
}

size_t utf8_whole(std::string_view bytes) {
    const size_t invalid = utf8_find_invalid(bytes);
    return invalid == std::string_view::npos ? bytes.size() : invalid;
}

void utf8_stream::push(std::string_view bytes, std::string & text) {
    pending_.append(bytes);

    size_t i = 0, size = 0;
    for (;; i += size) {
        switch (next_character(pending_, i, size)) {
            case next::character: text.append(pending_, i, size); continue;
            case next::invalid:   text.append(replacement); continue;
            case next::incomplete:
            case next::end:       break;
        }
        break;
    }
    pending_.erase(0, i);
}

void utf8_stream::finish(std::string & text) {
    if (!pending_.empty()) {
        text.append(replacement);
        pending_.clear();
    }
}

std::string utf8_repair(std::string_view bytes) {
    utf8_stream stream;
    std::string text;
    stream.push(bytes, text);
    stream.finish(text);
    return text;
}

} // namespace magnet
