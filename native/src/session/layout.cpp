#include "layout.h"

#include "base/error.h"
#include "base/text.h"
#include "magnet-mask.h"

#include <algorithm>

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

layout make_layout(const model & m, const std::vector<token_part> & parts, const layout_options & options) {
    const bool   left         = options.context == MAGNET_CONTEXT_LEFT;
    const int8_t context_role = left                                        ? MAGNET_MASK_SPAN
                                : options.context == MAGNET_CONTEXT_HYBRID ? MAGNET_MASK_CONTEXT
                                                                            : MAGNET_MASK_ORDERED;

    layout  out;
    int64_t pos = 0;

    const auto check_room = [&](int64_t end) {
        if (end > options.max_positions) {
            throw error(MAGNET_STATUS_TOO_LONG, "the text needs more than " + std::to_string(options.max_positions) +
                                                    " tokens with its gaps, the most that is read here. Shorten it or the "
                                                    "gaps, or make a session with a larger n_ctx.");
        }
    };
    const auto put = [&](int32_t token, int8_t role, int32_t part) {
        check_room(pos + 1);
        out.slots.push_back({ token, (int32_t) pos++, role, part });
    };

    const int32_t bos = llama_vocab_bos(m.vocab());
    if (llama_vocab_get_add_bos(m.vocab()) && bos >= 0) {
        put(bos, context_role, -1);
    }

    for (int32_t i = 0; i < (int32_t) parts.size(); ++i) {
        const token_part & part = parts[i];
        if (!part.is_gap) {
            for (const int32_t token : part.tokens) {
                put(token, context_role, i);
            }
            continue;
        }

        if (out.slots.empty()) {
            if (bos >= 0) {
                put(bos, context_role, -1);
            } else if (options.need_bos) {
                throw error(MAGNET_STATUS_UNSUPPORTED, "a gap at the very start is predicted from a BOS token, and this "
                                                       "vocabulary has none. Put a text before the gap.");
            }
        }

        gap g       = {};
        g.part      = i;
        g.first     = (int32_t) out.slots.size();
        g.predictor = g.first - 1;
        g.open      = part.length == 0;

        const int64_t begin = pos;
        if (part.filled) {
            for (const int32_t token : part.tokens) {
                put(token, MAGNET_MASK_SPAN, i);
            }
            if (part.length > 0 && (int64_t) part.tokens.size() > part.length) {
                bad_part(i, "is a gap of " + std::to_string(part.length) + " tokens, but its text has " +
                                std::to_string(part.tokens.size()) + ".");
            }
        } else {
            const int32_t most = part.length > 0 ? part.length : part.max_length > 0 ? part.max_length : options.max_tokens;
            check_room(begin + most); // before so many slots are made
            for (int32_t k = 0; k < most; ++k) {
                put(-1, MAGNET_MASK_SPAN, i);
            }
        }
        g.n_slots = (int32_t) out.slots.size() - g.first;

        // text behind the gap keeps its distance, which tells the length of an exact gap, and of an open one nothing
        if (!left) {
            const bool    open = g.open && (!part.filled || part.max_length > 0);
            const int64_t room = open ? std::max(part.max_length, options.open_room) : part.length;
            pos                = std::max(pos, begin + room);
            check_room(pos);
        }

        if (options.context == MAGNET_CONTEXT_ORDERED && g.predictor >= 0) {
            out.slots[g.predictor].role = MAGNET_MASK_SPAN;
        }
        out.gaps.push_back(g);
    }
    return out;
}

} // namespace magnet
