// How a vocabulary asks for what is missing in the middle (FIM, arXiv 2207.14255): the control tokens that stand around
// the text left and right of a gap, in the order in which its model was trained on them, and those around other files of the
// same repository. Sources: docs/fim.md.
#pragma once

#include "llama.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace magnet {

struct fim_format {
    // Where the tokens of further files go.
    enum class file_style {
        none,      // no publication says
        before,    // repository, newline; before each file and the one with the gap: separator, path, newline (Qwen2.5-Coder)
        inside,    // no newlines between files; the path of the file with the gap stands behind the prefix token (StarCoder2)
        behind,    // path, newline, text, and a separator that ends the file (CodeGemma)
    };

    int32_t    prefix       = -1; // -1: the vocabulary has no such token
    int32_t    suffix       = -1;
    int32_t    middle       = -1; // -1: the middle follows the other two at once
    int32_t    repository   = -1; // before the name of a repository
    int32_t    file         = -1; // between files
    bool       suffix_first = false;
    bool       trained      = true; // false: vocabularies have the tokens whose models never saw them in use
    file_style files        = file_style::none;
    std::vector<int32_t> ends; // tokens that end a middle, beside the vocabulary's own ends of text

    bool found() const { return prefix >= 0 && suffix >= 0; }
};

// name: general.name of the model's file.
fim_format find_fim_format(const llama_vocab * vocab, std::string_view name);

} // namespace magnet
