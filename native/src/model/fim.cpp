#include "fim.h"

#include <algorithm>
#include <unordered_map>

namespace magnet {

namespace {

using style = fim_format::file_style;

// Texts of the three tokens; "" = the family does without.
struct family {
    const char * prefix;
    const char * suffix;
    const char * middle;
    bool         suffix_first = false;
};

const family families[] = {
    { "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>" },          // Qwen2.5-Coder, CodeGemma, Granite 3 and later
    { "<fim_prefix>", "<fim_suffix>", "<fim_middle>" },                // StarCoder, StarCoder2, Granite Code
    { "<fim-prefix>", "<fim-suffix>", "<fim-middle>" },                // SantaCoder
    { "<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>" },          // DeepSeek-Coder
    { "▁<PRE>", "▁<SUF>", "▁<MID>" },                                  // CodeLlama
    { "<PRE>", "<SUF>", "<MID>" },                                     // the same, converted otherwise
    { "<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>" },       // GLM-4.5
    { "<|prefix|>", "<|suffix|>", "<|middle|>" },                      // Falcon-H1 Tiny Coder
    { "[PREFIX]", "[SUFFIX]", "", true },                              // Codestral
};

// Tokens that stand around files, and how they are used.
struct file_family {
    const char * repository;
    const char * file;
    style        how;
};

const file_family file_families[] = {
    { "<|repo_name|>", "<|file_sep|>", style::before },
    { "<repo_name>", "<file_sep>", style::inside },
    { "", "<|file_separator|>", style::behind },
};

// Never part of a middle, whatever their type in the file.
const char * const other_ends[] = {
    "▁<EOT>", "<EOT>", "<|fim_pad|>", "<fim_pad>", "<fim-pad>", "<reponame>", "<filename>", "<|reponame|>", "<|filename|>",
    "[MIDDLE]",
};

std::unordered_map<std::string_view, int32_t> ids_of(const llama_vocab * vocab) {
    std::unordered_map<std::string_view, int32_t> ids;
    const auto want = [&](std::string_view text) {
        if (!text.empty()) {
            ids.emplace(text, -1);
        }
    };
    for (const family & f : families) {
        want(f.prefix), want(f.suffix), want(f.middle);
    }
    for (const file_family & f : file_families) {
        want(f.repository), want(f.file);
    }
    std::for_each(std::begin(other_ends), std::end(other_ends), want);
    for (int32_t token = 0; token < llama_vocab_n_tokens(vocab); ++token) {
        const char * text = llama_vocab_get_text(vocab, token);
        if (!text) {
            continue;
        }
        const auto found = ids.find(text);
        if (found != ids.end() && found->second < 0) {
            found->second = token;
        }
    }
    return ids;
}

bool names_codestral(std::string_view name) {
    std::string lower(name);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return (char) std::tolower(c); });
    return lower.find("codestral") != std::string::npos;
}

} // namespace

fim_format find_fim_format(const llama_vocab * vocab, std::string_view name) {
    const auto ids = ids_of(vocab);
    const auto id  = [&](const char * text) { return *text ? ids.at(text) : -1; };

    fim_format f;
    for (const family & one : families) {
        if (id(one.prefix) < 0 || id(one.suffix) < 0 || (*one.middle && id(one.middle) < 0)) {
            continue;
        }
        f.prefix       = id(one.prefix);
        f.suffix       = id(one.suffix);
        f.middle       = id(one.middle);
        f.suffix_first = one.suffix_first;
        // all of Mistral's vocabularies since the third have the tokens, only Codestral was trained on them
        f.trained = !one.suffix_first || names_codestral(name);
        break;
    }
    if (!f.found()) { // by other names, which the file's metadata tell
        f.prefix = llama_vocab_fim_pre(vocab);
        f.suffix = llama_vocab_fim_suf(vocab);
        f.middle = llama_vocab_fim_mid(vocab);
    }
    if (!f.found() || (f.middle < 0 && !f.suffix_first)) {
        return {};
    }
    for (const file_family & one : file_families) {
        if (id(one.file) >= 0) {
            f.repository = id(one.repository);
            f.file       = id(one.file);
            f.files      = one.how;
            break;
        }
    }
    for (const auto & [text, token] : ids) {
        if (token >= 0) {
            f.ends.push_back(token);
        }
    }
    for (const int32_t token : { f.prefix, f.suffix, f.middle }) {
        if (token >= 0 && std::find(f.ends.begin(), f.ends.end(), token) == f.ends.end()) {
            f.ends.push_back(token);
        }
    }
    std::sort(f.ends.begin(), f.ends.end());
    return f;
}

} // namespace magnet
