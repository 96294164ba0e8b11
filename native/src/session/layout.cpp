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
    if (part.type == MAGNET_PART_GAP && !may_have_text && has_text(part)) {
        bad_part(index, "is a gap that already holds a text; only scoring takes one.");
    }
}

} // namespace

layout make_layout(const model & m, const magnet_part * parts, int32_t n_parts, const layout_options & options) {
    if (!parts || n_parts <= 0) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "there are no parts; give texts and gaps.");
    }
    // the first text begins like any text, the others go on where one ended
    bool       first    = true;
    const auto tokenize = [&](const magnet_text & text, int32_t part) {
        const std::string_view view     = checked_text(text, "part " + std::to_string(part));
        const bool             is_first = first;
        first                           = first && view.empty();
        return is_first ? m.tokenize(view, false, false) : m.tokenize_continuation(view);
    };

    std::vector<token_part> out(n_parts);
    for (int32_t i = 0; i < n_parts; ++i) {
        const magnet_part & part = parts[i];
        check_part(part, i, options.filled || options.keep_text);
        out[i].is_gap     = part.type == MAGNET_PART_GAP;
        out[i].filled     = out[i].is_gap && (options.filled || (options.keep_text && has_text(part)));
        out[i].length     = part.length;
        out[i].max_length = part.max_length;
        if (!out[i].is_gap || out[i].filled) {
            out[i].tokens = tokenize(part.text, i);
        } else {
            first = false;
        }
    }
    return make_layout(m, out, options);
}

layout make_layout(const model & m, const std::vector<token_part> & parts, const placement_options & options) {
    return place_parts(parts, { llama_vocab_bos(m.vocab()), llama_vocab_get_add_bos(m.vocab()) }, options);
}

} // namespace magnet
