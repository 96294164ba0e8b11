// The control tokens of a vocabulary ("<|im_end|>"), found in text.
#pragma once

#include "llama.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace magnet {

class control_tokens {
public:
    explicit control_tokens(const llama_vocab * vocab);

    struct match {
        int32_t token = -1; // -1: none
        size_t  begin = 0;
        size_t  end   = 0;
        bool    strips_left  = false; // space before it belongs to it, as the vocabulary has it
        bool    strips_right = false;
    };

    // The first control token in text at or behind from, the longest where several begin there.
    match find(std::string_view text, size_t from) const;

private:
    struct named {
        std::string text;
        int32_t     token;
        bool        strips_left, strips_right;
    };
    std::unordered_map<char, std::vector<named>> by_first_; // longest first
};

} // namespace magnet
