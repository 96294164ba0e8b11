#include "candidates.h"

#include "session.h"

#include <algorithm>
#include <cmath>

namespace magnet {

namespace {

// One filling's text, cut where scoring begins.
struct joint_text {
    std::vector<token_part> parts;  // what is given, what is scored
    std::vector<bool>       in_gap; // [scored tokens]
};

joint_text text_with(const std::vector<token_part> & parts, const result_filling & filling, int32_t n_right) {
    joint_text           out;
    token_part           left, scored;
    std::vector<int32_t> right; // behind the last gap
    size_t               gap = 0;
    const auto           add = [](std::vector<int32_t> & to, const std::vector<int32_t> & more) {
        to.insert(to.end(), more.begin(), more.end());
    };
    for (const token_part & part : parts) {
        if (part.is_gap) {
            add(scored.tokens, filling.spans[gap++].kept);
            out.in_gap.resize(scored.tokens.size(), true);
        } else if (gap == filling.spans.size()) {
            add(right, part.tokens);
        } else {
            add(gap == 0 ? left.tokens : scored.tokens, part.tokens);
            out.in_gap.resize(scored.tokens.size(), false);
        }
    }
    right.resize(std::min(right.size(), (size_t) n_right));
    add(scored.tokens, right);
    out.in_gap.resize(scored.tokens.size(), false);
    scored.is_gap = scored.filled = true;
    out.parts     = { std::move(left), std::move(scored) };
    return out;
}

bool same_text(const result_filling & a, const result_filling & b) {
    return std::equal(a.spans.begin(), a.spans.end(), b.spans.begin(), b.spans.end(),
                      [](const result_span & x, const result_span & y) { return x.text == y.text; });
}

} // namespace

void merge_fillings(std::vector<result_filling> & fillings) {
    std::vector<result_filling> merged;
    for (result_filling & one : fillings) {
        const auto same = std::find_if(merged.begin(), merged.end(), [&](const result_filling & f) { return same_text(f, one); });
        if (same == merged.end()) {
            merged.push_back(std::move(one));
        } else {
            ++same->count;
        }
    }
    fillings = std::move(merged);
}

void rank_fillings(session & s, const std::vector<token_part> & parts, int32_t n_right,
                   std::vector<result_filling> & fillings) {
    std::vector<std::vector<token_part>> items;
    std::vector<std::vector<bool>>       in_gap;
    for (const result_filling & filling : fillings) {
        joint_text text = text_with(parts, filling, n_right);
        items.push_back(std::move(text.parts));
        in_gap.push_back(std::move(text.in_gap));
    }
    magnet_score_params how = {};
    how.context             = MAGNET_CONTEXT_LEFT;
    for (const result_span & span : s.score(items, how).spans) {
        result_filling & filling = fillings[span.item];
        for (size_t k = 0; k < span.tokens.size(); ++k) {
            const float logprob = span.tokens[k].logprob;
            if (std::isnan(logprob)) { // nothing predicts a first token
                continue;
            }
            (in_gap[span.item][k] ? filling.gap_logprob : filling.right_logprob) += logprob;
            ++(in_gap[span.item][k] ? filling.n_gap_tokens : filling.n_right_tokens);
        }
        const int32_t n = filling.n_gap_tokens + filling.n_right_tokens;
        filling.score   = n > 0 ? (filling.gap_logprob + filling.right_logprob) / n : NAN;
    }
    std::stable_sort(fillings.begin(), fillings.end(), [](const result_filling & a, const result_filling & b) {
        return a.score > b.score || (std::isnan(b.score) && !std::isnan(a.score));
    });
}

} // namespace magnet
