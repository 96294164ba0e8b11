#include "layout.h"

#include "base/error.h"
#include "base/text.h"

namespace magnet {

namespace {

[[noreturn]] void bad_part(int32_t index, const std::string & what) {
    throw error(MAGNET_STATUS_INVALID_ARGUMENT, "part " + std::to_string(index) + " " + what);
}

bool has_text(const magnet_part & part) {
    return part.text.data && part.text.size != 0 && (part.text.size > 0 || part.text.data[0] != '\0');
}

void check_part(const magnet_part & part, int32_t index, bool may_have_text) {
    if (part.type != MAGNET_PART_TEXT && part.type != MAGNET_PART_GAP) {
        bad_part(index, "has the unknown type " + std::to_string(part.type) + ".");
    }
    if (part.type == MAGNET_PART_GAP && (part.length < 0 || part.max_length < 0)) {
        bad_part(index, "is a gap of negative length.");
    }
    if (part.type == MAGNET_PART_GAP && part.length > part.max_length && part.max_length > 0) {
        bad_part(index, "is a gap of exactly " + std::to_string(part.length) + " tokens, and of at most " +
                            std::to_string(part.max_length) + "; give it one of the two.");
    }
    if (part.type == MAGNET_PART_GAP && !may_have_text && has_text(part)) {
        bad_part(index, "is a gap that already holds a text; only scoring takes one.");
    }
}

// Does the gap behind part i, a text, take the text's last space? A gap that holds an empty text does not.
bool gives_space(const magnet_part * parts, int32_t n_parts, int32_t i, const layout_options & options) {
    int32_t next = i + 1;
    while (next < n_parts && parts[next].type == MAGNET_PART_TEXT && !has_text(parts[next])) {
        ++next;
    }
    return !options.keep_spaces && !parts[i].keep_space && next < n_parts && parts[next].type == MAGNET_PART_GAP &&
           (!options.filled || has_text(parts[next]));
}

} // namespace

std::string_view own_bytes(bool spaced, int32_t k, std::string_view bytes) {
    return bytes.substr(spaced && k == 0 && !bytes.empty() && bytes.front() == ' ' ? 1 : 0);
}

std::vector<token_part> tokenize_parts(const model & m, const magnet_part * parts, int32_t n_parts,
                                       const layout_options & options) {
    if (!parts || n_parts <= 0) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "there are no parts; give texts and gaps.");
    }
    // the first text begins like any text, the others go on where one ended
    bool       first    = true;
    bool       space    = false; // the text before left one for the gap
    const auto tokenize = [&](std::string_view text) {
        const bool is_first = first;
        first               = first && text.empty();
        return is_first ? m.tokenize(text, false, false) : m.tokenize_continuation(text);
    };

    std::vector<token_part> out(n_parts);
    for (int32_t i = 0; i < n_parts; ++i) {
        const magnet_part & part = parts[i];
        check_part(part, i, options.filled || options.keep_text);
        out[i].is_gap     = part.type == MAGNET_PART_GAP;
        out[i].filled     = out[i].is_gap && (options.filled || (options.keep_text && has_text(part)));
        out[i].length     = part.length;
        out[i].max_length = part.max_length;
        if (!out[i].is_gap) {
            std::string_view text = checked_text(part.text, "part " + std::to_string(i));
            if (!text.empty()) {
                space = text.back() == ' ' && gives_space(parts, n_parts, i, options);
                text.remove_suffix(space ? 1 : 0);
            }
            out[i].tokens = tokenize(text);
            continue;
        }
        out[i].spaced = space;
        if (out[i].filled) {
            const std::string text(checked_text(part.text, "part " + std::to_string(i)));
            out[i].tokens = tokenize(space ? " " + text : text);
        } else {
            first = false;
        }
        space = false;
    }
    return out;
}

layout make_layout(const model & m, const std::vector<token_part> & parts, const placement_options & options) {
    return place_parts(parts, { llama_vocab_bos(m.vocab()), llama_vocab_get_add_bos(m.vocab()) }, options);
}

} // namespace magnet
