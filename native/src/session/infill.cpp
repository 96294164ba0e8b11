// Infilling: the context is encoded once, then the gaps are decoded into the places left for them.
#include "base/error.h"
#include "base/text.h"
#include "candidates.h"
#include "fim-prompt.h"
#include "gap-filler.h"
#include "layout.h"
#include "magnet-mask.h"
#include "session.h"

#include <algorithm>
#include <random>

namespace magnet {

namespace {

int32_t count_tokens(const layout & plan) {
    return (int32_t) std::count_if(plan.slots.begin(), plan.slots.end(), [](const slot & s) { return s.token >= 0; });
}

// LEFT: the text before a gap and the gaps filled before it follow each other without holes.
void infill_left(const layout & plan, decoder & d, gap_filler & filler) {
    std::vector<slot> context;
    const auto        append = [&](int32_t token) {
        context.push_back({ token, (int32_t) context.size(), MAGNET_MASK_SPAN, 0 });
    };
    int32_t next = 0; // first slot that has no place yet
    for (size_t k = 0; k < plan.gaps.size(); ++k) {
        const gap & g = plan.gaps[k];
        filler.fill_next(g, k + 1 < plan.gaps.size(), [&]() -> gap_start {
            std::for_each(filler.tokens().begin(), filler.tokens().end(), append);
            for (; next < g.first; ++next) {
                if (plan.slots[next].token >= 0) {
                    append(plan.slots[next].token);
                }
            }
            const std::vector<slot> before(context.begin(), context.end() - 1);
            int32_t                 n_reused;
            const float *           logits = d.set_context(before, context.back(), true, n_reused);
            return { logits, (int32_t) context.size(), k == 0 ? count_tokens(plan) : 0, k == 0 ? n_reused : 0 };
        });
    }
}

// HYBRID and ORDERED: all context is encoded before the first gap, each gap in the places that it has among it.
void infill_between(const layout & plan, bool hybrid, decoder & d, gap_filler & filler) {
    std::vector<slot> context;
    for (const slot & s : plan.slots) {
        if (s.token >= 0 && (hybrid || s.role == MAGNET_MASK_ORDERED)) {
            context.push_back(s);
        }
    }
    for (size_t k = 0; k < plan.gaps.size(); ++k) {
        const gap & g         = plan.gaps[k];
        const slot  predictor = plan.slots[g.predictor];
        filler.fill_next(g, k + 1 < plan.gaps.size(), [&]() -> gap_start {
            const int32_t pos = plan.slots[g.first].pos;
            if (k == 0) {
                int32_t       n_reused;
                const float * logits = d.set_context(context, predictor, false, n_reused);
                return { logits, pos, count_tokens(plan), n_reused };
            }
            if (predictor.token < 0) { // right behind another gap: what that one left goes on
                return { filler.logits(), pos };
            }
            return { hybrid ? d.decode_again(predictor) : d.decode(predictor, false), pos };
        });
    }
}

// FIM: each gap has a prompt of its own. Filled gaps are text to those behind them, so parts get their tokens.
void infill_middle(const fim_prompter & prompter, std::vector<token_part> parts, const layout_options & options, decoder & d,
                   gap_filler & filler) {
    token_part * before = nullptr;
    for (int32_t i = 0; i < (int32_t) parts.size(); ++i) {
        if (!parts[i].is_gap) {
            continue;
        }
        gap g     = {};
        g.part    = i;
        g.n_slots = places_of(parts[i], options);
        g.open    = parts[i].length == 0;
        filler.fill_next(g, false, [&]() -> gap_start {
            if (before) {
                before->tokens = filler.tokens();
                before->filled = true;
            }
            std::vector<slot> context   = prompter.prompt(parts, i);
            const slot        predictor = context.back();
            const int32_t     n_prompt  = (int32_t) context.size();
            context.pop_back();
            int32_t       n_reused;
            const float * logits = d.set_context(context, predictor, true, n_reused);
            return { logits, n_prompt, n_prompt, n_reused };
        });
        before = &parts[i];
    }
}

// Positions that the longest of the prompts needs with its gap.
int32_t room_of(const fim_prompter & prompter, const std::vector<token_part> & parts, const layout_options & options) {
    int64_t most = 0, filled = 0;
    for (int32_t i = 0; i < (int32_t) parts.size(); ++i) {
        if (parts[i].is_gap) {
            const int32_t places = places_of(parts[i], options);
            most = std::max<int64_t>(most, (int64_t) prompter.prompt(parts, i).size() + filled + places);
            filled += places;
            prompter.check_fits(most, options);
        }
    }
    return (int32_t) most;
}

// What stands right of each gap, up to the next one: by part.
std::vector<std::string> rights_of(const magnet_part * parts, int32_t n_parts) {
    std::vector<std::string> rights(n_parts);
    for (int32_t i = n_parts - 2; i >= 0; --i) {
        if (parts[i + 1].type == MAGNET_PART_TEXT) {
            rights[i] = std::string(checked_text(parts[i + 1].text, "part " + std::to_string(i + 1))) + rights[i + 1];
        }
    }
    return rights;
}

} // namespace

gap_rules session::rules_of(int32_t context, const magnet_infill_ends & ends, const magnet_part * parts,
                            int32_t n_parts) const {
    require(ends.until >= MAGNET_UNTIL_NONE && ends.until <= MAGNET_UNTIL_PARAGRAPH, "ends.until", ends.until,
            "one of enum magnet_until");
    gap_rules rules;
    rules.may_be_empty = context == MAGNET_CONTEXT_FIM;
    rules.causal       = context == MAGNET_CONTEXT_FIM || context == MAGNET_CONTEXT_LEFT;
    rules.text         = { checked_stop(ends.stop, ends.n_stop), ends.until, "" };
    if (ends.cut_repeat) {
        rules.rights = rights_of(parts, n_parts);
    }
    for (int32_t token = 0; token < base_->n_vocab(); ++token) {
        if (ends_gap(token, context)) {
            rules.ends.push_back(token);
        }
    }
    return rules;
}

result session::infill(const magnet_part * parts, int32_t n_parts, const magnet_infill_params & p) {
    require(p.max_tokens >= 1, "max_tokens", p.max_tokens, "1 or more");
    require_between("top", p.top, 0, 100);
    layout_options options = layout_with(p.context);
    options.max_tokens     = p.max_tokens;
    options.need_bos       = true;
    const std::vector<token_part> tokens = tokenize_parts(*base_, parts, n_parts, options);
    if (std::none_of(tokens.begin(), tokens.end(), [](const token_part & part) { return part.is_gap; })) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "no part is a gap; there is nothing to fill.");
    }
    const magnet_infill_candidates & candidates = p.candidates;
    require_between("candidates.n", candidates.n, 1, 256);
    require_between("candidates.right", candidates.right, 0, INT32_MAX);
    if (candidates.n > 1 && !base_->has_plain_attention()) {
        throw error(MAGNET_STATUS_UNSUPPORTED, "the architecture \"" + base_->architecture() +
                                                   "\" cannot score, by which candidates are ranked; leave candidates.n at 1.");
    }
    if (candidates.n > 1 && p.sampling.temperature == 0.0f) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "sampling.temperature is 0, so all candidates would be the same; it must be "
                                                    "above 0 where candidates.n is.");
    }
    const gap_rules                     rules = rules_of(options.context, p.ends, parts, n_parts);
    std::unique_ptr<const fim_prompter> prompter;
    layout                              plan;
    int32_t                             n_positions;
    if (options.context == MAGNET_CONTEXT_FIM) {
        check_fim_adapters();
        prompter    = std::make_unique<fim_prompter>(*base_, p.fim);
        n_positions = room_of(*prompter, tokens, options);
    } else {
        check_no_fim_files(p.fim);
        plan        = make_layout(*base_, tokens, options);
        n_positions = plan.n_positions();
    }
    const auto fill = [&](decoder & d, int64_t seed, std::function<void()> on_context) {
        magnet_infill_params how = p;
        how.sampling.seed        = seed;
        how.on_token             = candidates.n > 1 ? nullptr : p.on_token;
        gap_filler filler(*base_, d, how, rules, cancelled_, std::move(on_context));
        switch (options.context) {
            case MAGNET_CONTEXT_FIM: infill_middle(*prompter, tokens, options, d, filler); break;
            case MAGNET_CONTEXT_LEFT: infill_left(plan, d, filler); break;
            default: infill_between(plan, options.context == MAGNET_CONTEXT_HYBRID, d, filler);
        }
        return filler.take();
    };
    check_sampling(p.sampling, *base_);
    const int64_t seed = p.sampling.seed < 0 ? int64_t(std::random_device{}()) : p.sampling.seed;
    result        out;
    for (seeded_result & one : run_several(fill, candidates.n, seed, n_positions, out)) {
        result_filling filling;
        filling.seed  = one.seed;
        filling.spans = std::move(one.made.spans);
        out.fillings.push_back(std::move(filling));
    }
    merge_fillings(out.fillings);
    if (out.fillings.size() > 1 && !cancelled_) {
        rank_fillings(*this, tokens, candidates.right, out.fillings);
    }
    return out;
}

// What such an adapter has made of the model reads its context both ways.
void session::check_fim_adapters() const {
    if (recipe_.version > 0 && recipe_.context == MAGNET_CONTEXT_HYBRID) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "the adapter was trained for the context HYBRID; a FIM prompt is read from "
                                                    "the left. Leave out the adapter, or the context FIM.");
    }
}

} // namespace magnet
