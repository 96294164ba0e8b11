#include "option-words.h"

#include <cctype>
#include <string_view>
#include <utility>

namespace magnet_cli {

// Longer ones first, where one is a part of another.
static constexpr std::pair<std::string_view, std::string_view> phrases[] = {
    {"make a session with a larger n_ctx", "give a larger --ctx"},
    {"Make one with a larger n_ctx", "Give a larger --ctx"},
    {"the session's n_ctx", "--ctx"},
    {"this session reads", "it reads"},
    {"0 (what the model was trained for) or in", "in"},
    {"Raise max_tokens", "Raise --max-tokens"},
    {"share_hybrid and mask_rate more", "--share-hybrid and --mask-rate more"},
    {"use the graph engine", "use --engine graph"},
    {"only MAGNET_CONTEXT_LEFT works", "only --context left works"},
};

// Fields whose option is not their own name with dashes.
static constexpr std::pair<std::string_view, std::string_view> others[] = {
    {"n_ctx", "--ctx"},
    {"n_threads", "--threads"},
    {"n_gpu_layers", "--gpu-layers"},
    {"heldout.rows", "--heldout"},
    {"heldout.every", "--heldout-every"},
    {"contrast.batch", "--pair-batch"},
    {"contrast.length", "--pair-length"},
};

static constexpr std::string_view groups[] = {"rows.",   "contrast.",   "optimizer.", "lora.",  "sampling.", "files.", "sts.",
                                              "infill.", "perplexity.", "repetition.", "probe.", "choice.",   "retrieval."};

static std::string with_dashes(std::string_view field) {
    std::string option = "--" + std::string(field);
    for (char & c : option) {
        c = c == '_' ? '-' : c;
    }
    return option;
}

// "" for a word that is no field.
static std::string option_of(std::string_view word) {
    for (const auto & [field, option] : others) {
        if (word == field) {
            return std::string(option);
        }
    }
    for (const std::string_view group : groups) {
        if (word.size() > group.size() && word.substr(0, group.size()) == group) {
            const std::string inner = option_of(word.substr(group.size()));
            return inner.empty() ? with_dashes(word.substr(group.size())) : inner;
        }
    }
    return "";
}

std::string in_option_words(const std::string & message) {
    std::string text = message;
    for (const auto & [theirs, ours] : phrases) {
        for (size_t at = text.find(theirs); at != std::string::npos; at = text.find(theirs, at + ours.size())) {
            text.replace(at, theirs.size(), ours);
        }
    }
    // The name of a file may hold any word: only one that a value is said of is a field.
    std::string out;
    for (size_t begin = 0; begin < text.size();) {
        size_t end = begin;
        while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_' || text[end] == '.')) {
            ++end;
        }
        const std::string word   = text.substr(begin, end - begin);
        const std::string option = text.compare(end, 4, " is ") == 0 && (begin == 0 || text[begin - 1] == ' ') ? option_of(word) : "";
        out += option.empty() ? word : option;
        if (end < text.size()) {
            out += text[end];
        }
        begin = end + 1;
    }
    return out;
}

} // namespace magnet_cli
