#include "rows.h"

#include "magnet-mask.h"
#include "model/placement.h"

#include <algorithm>
#include <cmath>

namespace magnet::train {

row_mode mode_of_row(const row_options & options, int64_t i) {
    const double sum = double(options.share_hybrid) + options.share_ordered + options.share_causal;
    double       u   = spread(i) * sum;
    if ((u -= options.share_hybrid) < 0) {
        return row_mode::hybrid;
    }
    return u < options.share_ordered ? row_mode::ordered : row_mode::causal;
}

bool keeps_base(const row_options & options, int64_t i) {
    const double sum = double(options.share_hybrid) + options.share_ordered + options.share_causal;
    const double u   = spread(i) * sum - options.share_hybrid - options.share_ordered; // among the causal ones
    return options.keep_base > 0 && mode_of_row(options, i) == row_mode::causal && u < options.keep_base * options.share_causal;
}

// Sentences of the window that may be gaps, as offsets from its begin.
static std::vector<token_span> sentence_spans(const text_document & d, const text_window & w, bool can_start,
                                              bool can_end) {
    std::vector<token_span> spans;
    const auto              first = std::lower_bound(d.sentences.begin(), d.sentences.end(), w.begin);
    for (auto s = first; s != d.sentences.end() && *s < w.end; ++s) {
        const int32_t end = s + 1 == d.sentences.end() ? int32_t(d.tokens.size()) : s[1];
        if ((end < w.end || (can_end && end == w.end)) && (*s > w.begin || can_start)) {
            spans.push_back({*s - w.begin, end - w.begin});
        }
    }
    return spans;
}

// Up to n of the candidates, not adjacent, together at most half of the window (the first one drawn is always taken).
static std::vector<token_span> choose_sentences(std::vector<token_span> candidates, int32_t n, int32_t n_tokens,
                                                rng & r) {
    std::vector<token_span> chosen;
    int32_t                 taken = 0;
    r.shuffle(candidates);
    for (const token_span & c : candidates) {
        const bool adjacent = std::any_of(chosen.begin(), chosen.end(),
                                          [&](const token_span & o) { return o.end == c.begin || c.end == o.begin; });
        const bool fits     = chosen.empty() || taken + c.end - c.begin <= n_tokens / 2;
        if (int32_t(chosen.size()) < n && !adjacent && fits) {
            chosen.push_back(c);
            taken += c.end - c.begin;
        }
    }
    std::sort(chosen.begin(), chosen.end(),
              [](const token_span & a, const token_span & b) { return a.begin < b.begin; });
    return chosen;
}

// n gaps of random length at random places.
static std::vector<token_span> scatter_spans(int32_t n, int32_t n_tokens, bool can_start, bool can_end,
                                             const row_options & options, rng & r) {
    int32_t              context = (can_start ? 0 : 1) + (can_end ? 0 : 1); // least tokens that are no gap
    int32_t              taken   = 0;
    std::vector<int32_t> lengths;
    for (int32_t i = 0; i < n; ++i) {
        const int32_t room   = std::max(1, n_tokens / 2) - taken;
        const int32_t length = std::min(r.between(options.span_min, options.span_max), room);
        if (i > 0 && (length < options.span_min || taken + length + context + 1 > n_tokens)) {
            break;
        }
        context += i > 0 ? 1 : 0;
        lengths.push_back(length);
        taken += length;
    }
    // Sorted cut points in the context that is left over give every layout the same chance.
    std::vector<int32_t> cuts(lengths.size());
    for (int32_t & c : cuts) {
        c = r.between(0, n_tokens - taken - context);
    }
    std::sort(cuts.begin(), cuts.end());
    std::vector<token_span> spans;
    int32_t                 before = can_start ? 0 : 1;
    for (size_t i = 0; i < lengths.size(); ++i) {
        spans.push_back({before + cuts[i], before + cuts[i] + lengths[i]});
        before += lengths[i] + 1;
    }
    return spans;
}

std::vector<token_span> draw_spans(const text_document & d, const text_window & w, const row_options & options,
                                   const train_vocab & vocab, rng & r) {
    const int32_t n_tokens  = w.end - w.begin;
    const bool    can_start = w.begin == 0 && d.begins && vocab.bos >= 0;
    const bool    can_end   = w.end == int32_t(d.tokens.size()) && d.ends;
    const bool    sentences = r.chance(options.sentence_share);
    const int32_t n         = r.between(1, options.max_spans);
    if (sentences) {
        std::vector<token_span> candidates = sentence_spans(d, w, can_start, can_end);
        if (!candidates.empty()) {
            return choose_sentences(std::move(candidates), n, n_tokens, r);
        }
    }
    return scatter_spans(n, n_tokens, can_start, can_end, options, r);
}

// 80 % mask, 10 % random, 10 % unchanged.
static int32_t corrupt(int32_t token, const train_vocab & vocab, rng & r) {
    const double u = r.uniform();
    if (u < 0.8) {
        return vocab.mask;
    }
    return u < 0.9 ? vocab.plain[r.below(vocab.plain.size())] : token;
}

// The window as parts: text, gap, text, … as its spans say; half of the gaps are open.
static std::vector<token_part> parts_of(const text_document & d, const text_window & w,
                                        const std::vector<token_span> & spans, bool may_open, rng & r) {
    const auto              first = d.tokens.begin() + w.begin;
    std::vector<token_part> parts;
    int32_t                 at = 0;
    for (const token_span & span : spans) {
        token_part text, gap;
        text.tokens    = {first + at, first + span.begin};
        gap.is_gap     = true;
        gap.filled     = true;
        gap.tokens     = {first + span.begin, first + span.end};
        int32_t & room = may_open && r.chance(0.5) ? gap.max_length : gap.length;
        room           = span.end - span.begin;
        parts.push_back(std::move(text));
        parts.push_back(std::move(gap));
        at = span.end;
    }
    token_part rest;
    rest.tokens = {first + at, d.tokens.begin() + w.end};
    parts.push_back(std::move(rest));
    return parts;
}

static int32_t context_of(row_mode mode) {
    switch (mode) {
        case row_mode::hybrid:  return MAGNET_CONTEXT_HYBRID;
        case row_mode::ordered: return MAGNET_CONTEXT_ORDERED;
        default:                return MAGNET_CONTEXT_LEFT;
    }
}

// What the gaps' tokens are predicted from, and where each gap ends. A row without gaps predicts every token.
static void label_spans(const layout & plan, int32_t token_end, train_row & row) {
    for (const gap & g : plan.gaps) {
        for (int32_t i = 0; i < g.n_slots; ++i) {
            if (g.predictor_of(i) >= 0) {
                row.msg.push_back({g.predictor_of(i), row.tokens[g.first + i]});
            }
        }
        if (token_end >= 0) {
            row.msg.push_back({g.predictor_of(g.n_slots), token_end});
        }
    }
    for (int32_t i = 1; i < row.n_tokens() && row.mode == row_mode::causal; ++i) {
        row.msg.push_back({i - 1, row.tokens[i]});
    }
}

static void mask_context(const train_vocab & vocab, double rate, int32_t first, train_row & row, rng & r) {
    for (int32_t i = std::max(first, 1); i < row.n_tokens(); ++i) {
        const bool both = row.roles[i] == MAGNET_MASK_CONTEXT && row.roles[i - 1] == MAGNET_MASK_CONTEXT;
        if (both && r.chance(rate)) {
            row.mntp.push_back({i - 1, row.tokens[i]});
            row.tokens[i] = corrupt(row.tokens[i], vocab, r);
        }
    }
}

train_row make_text_row(const text_document & d, const text_window & w, const std::vector<token_span> & spans,
                        row_mode mode, double mask_rate, const row_options & options, const train_vocab & vocab,
                        rng & r) {
    placement_options how;
    how.context        = context_of(mode);
    how.open_room      = options.open_room;
    const bool   open  = vocab.end >= 0 && options.open_room > 0;
    const auto   parts = parts_of(d, w, mode == row_mode::causal ? std::vector<token_span>() : spans, open, r);
    const layout plan  = place_parts(parts, {vocab.bos, vocab.bos_always}, how);

    train_row row;
    row.mode = mode;
    for (const slot & s : plan.slots) {
        row.tokens.push_back(s.token);
        row.pos.push_back(s.pos);
        row.roles.push_back(s.role);
    }
    label_spans(plan, vocab.end, row);
    if (mode == row_mode::hybrid && mask_rate > 0) {
        mask_context(vocab, mask_rate, plan.slots.front().part < 0 ? 1 : 0, row, r);
    }
    return row;
}

train_row make_embed_row(const std::vector<int32_t> & instruction, const std::vector<int32_t> & text,
                         const pair_options & options, const train_vocab & vocab) {
    train_row row;
    if (vocab.bos_always) {
        row.tokens.push_back(vocab.bos);
    }
    row.tokens.insert(row.tokens.end(), instruction.begin(), instruction.end());
    row.pool_begin = row.n_tokens();
    row.tokens.insert(row.tokens.end(), text.begin(),
                      text.begin() + std::min<int64_t>(int64_t(text.size()), options.length));
    row.pool_end = row.n_tokens();
    if (vocab.eos >= 0) {
        row.tokens.push_back(vocab.eos);
    }
    for (int32_t i = 0; i < row.n_tokens(); ++i) {
        row.pos.push_back(i);
    }
    const bool causal = options.attention == MAGNET_ATTENTION_CAUSAL;
    row.roles.assign(row.tokens.size(), int8_t(causal ? MAGNET_MASK_SPAN : MAGNET_MASK_CONTEXT));
    return row;
}

std::vector<int32_t> draw_crop(const int32_t * tokens, int32_t n, const pair_options & options, rng & r) {
    const int32_t        length = std::max(1, r.between(int32_t(std::ceil(options.crop_min * n)), n));
    const int32_t        begin  = r.between(0, n - length);
    std::vector<int32_t> crop;
    for (int32_t i = begin; i < begin + length; ++i) {
        if (!r.chance(options.drop_rate)) {
            crop.push_back(tokens[i]);
        }
    }
    if (crop.empty()) {
        crop.push_back(tokens[begin]);
    }
    return crop;
}

} // namespace magnet::train
