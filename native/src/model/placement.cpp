#include "placement.h"

#include "base/error.h"
#include "magnet-mask.h"

#include <algorithm>
#include <string>

namespace magnet {

namespace {

int8_t role_of_context(int32_t context) {
    switch (context) {
        case MAGNET_CONTEXT_LEFT:   return MAGNET_MASK_SPAN;
        case MAGNET_CONTEXT_HYBRID: return MAGNET_MASK_CONTEXT;
        default:                    return MAGNET_MASK_ORDERED;
    }
}

class placement {
public:
    placement(const bos_rule & bos, const placement_options & options) :
        bos_(bos), options_(options), context_role_(role_of_context(options.context)) {
        if (bos_.always && bos_.token >= 0) {
            put(bos_.token, context_role_, -1);
        }
    }

    void add_text(const token_part & part, int32_t index) {
        for (const int32_t token : part.tokens) {
            put(token, context_role_, index);
        }
    }

    void add_gap(const token_part & part, int32_t index);

    layout take() { return std::move(out_); }

private:
    void put(int32_t token, int8_t role, int32_t part) {
        check_positions(pos_ + 1, options_);
        out_.slots.push_back({ token, (int32_t) pos_++, role, part });
    }

    void put_bos_before_gap();
    void fill(const token_part & part, int32_t index);
    void leave_room(const token_part & part, int64_t begin);

    const bos_rule          bos_;
    const placement_options options_;
    const int8_t            context_role_;
    layout                  out_;
    int64_t                 pos_ = 0;
};

void placement::put_bos_before_gap() {
    if (bos_.token >= 0) {
        put(bos_.token, context_role_, -1);
    } else if (options_.need_bos) {
        throw error(MAGNET_STATUS_UNSUPPORTED, "a gap at the very start is predicted from a BOS token, and this "
                                               "vocabulary has none. Put a text before the gap.");
    }
}

// The gap's tokens, or empty places for them.
void placement::fill(const token_part & part, int32_t index) {
    if (!part.filled) {
        const int32_t most = places_of(part, options_);
        check_positions(pos_ + most, options_); // before so many slots are made
        for (int32_t k = 0; k < most; ++k) {
            put(-1, MAGNET_MASK_SPAN, index);
        }
        return;
    }
    for (const int32_t token : part.tokens) {
        put(token, MAGNET_MASK_SPAN, index);
    }
    check_filled(part, index);
}

// Text behind the gap keeps its distance, which tells the length of an exact gap, and of an open one nothing.
void placement::leave_room(const token_part & part, int64_t begin) {
    if (options_.context == MAGNET_CONTEXT_LEFT) {
        return;
    }
    const bool    open = part.length == 0 && (!part.filled || part.max_length > 0);
    const int64_t room = open ? std::max(part.max_length, options_.open_room) : part.length;
    pos_               = std::max(pos_, begin + room);
    check_positions(pos_, options_);
}

void placement::add_gap(const token_part & part, int32_t index) {
    if (out_.slots.empty()) {
        put_bos_before_gap();
    }
    const int64_t begin = pos_;
    gap           g     = {};
    g.part              = index;
    g.first             = (int32_t) out_.slots.size();
    g.predictor         = g.first - 1;
    g.open              = part.length == 0;
    g.spaced            = part.spaced;
    fill(part, index);
    g.n_slots = (int32_t) out_.slots.size() - g.first;
    leave_room(part, begin);
    if (options_.context == MAGNET_CONTEXT_ORDERED && g.predictor >= 0) {
        out_.slots[g.predictor].role = MAGNET_MASK_SPAN;
    }
    out_.gaps.push_back(g);
}

} // namespace

int32_t places_of(const token_part & gap, const placement_options & options) {
    return gap.length > 0 ? gap.length : gap.max_length > 0 ? gap.max_length : options.max_tokens;
}

void check_positions(int64_t n_positions, const placement_options & options, const char * cure) {
    if (n_positions > options.max_positions) {
        throw too_long("the text needs more tokens with its gaps", options.max_positions, options.n_ctx_train, cure);
    }
}

void check_filled(const token_part & gap, int32_t index) {
    if (gap.length > 0 && (int64_t) gap.tokens.size() > gap.length) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "a text of " + std::to_string(gap.tokens.size()) +
                                                        " tokens fills a gap of the length " + std::to_string(gap.length) +
                                                        " (part " + std::to_string(index) + ").");
    }
}

layout place_parts(const std::vector<token_part> & parts, const bos_rule & bos, const placement_options & options) {
    placement out(bos, options);
    for (int32_t i = 0; i < (int32_t) parts.size(); ++i) {
        parts[i].is_gap ? out.add_gap(parts[i], i) : out.add_text(parts[i], i);
    }
    return out.take();
}

} // namespace magnet
