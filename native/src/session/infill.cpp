// Infilling: the context is encoded once, then the gaps are decoded into the places left for them.
#include "base/error.h"
#include "layout.h"
#include "magnet-mask.h"
#include "session.h"
#include "span-writer.h"

#include <algorithm>
#include <chrono>
#include <functional>

namespace magnet {

namespace {

// What the first token of a gap is predicted from.
struct gap_start {
    const float * logits; // at its predictor
    int32_t       pos;    // of the gap's first token
    int32_t       n_reused = 0;
};

// Fills the gaps of one layout, one after the other. A way to infill (below) says what the cache must hold before each.
class gap_filler {
public:
    gap_filler(const model & m, decoder & d, const magnet_infill_params & p, int32_t token_end,
               const std::atomic<bool> & cancelled, bool causal) :
        model_(m), decoder_(d), params_(p), token_end_(token_end), cancelled_(cancelled), causal_(causal),
        choose_(m, p.sampling) {
        for (int32_t token = 0; token < m.n_vocab(); ++token) {
            if (ends_gap(token)) {
                ends_.push_back(token);
            }
        }
    }

    // The next gap; the decoder holds what it may see once prepare has returned. A call that is cancelled keeps the gaps
    // that were filled before; the others are empty. Throws CANCELLED before the first token of the first gap.
    void fill_next(const gap & g, bool more_gaps, const std::function<gap_start()> & prepare);

    const std::vector<int32_t> & tokens() const { return tokens_; } // of the gap filled last
    const float *                logits() const { return logits_; } // at the output of the last token decoded
    result                       take();

private:
    bool ends_gap(int32_t token) const {
        return token == token_end_ || llama_vocab_is_eog(model_.vocab(), token);
    }
    bool cancelled() const {
        return cancelled_ || (!out_.spans.empty() && out_.spans.back().stop == MAGNET_STOP_CANCELLED);
    }
    double      seconds() const { return std::chrono::duration<double>(clock::now() - start_).count(); }
    result_span fill(const gap & g, int32_t first_pos, bool more_gaps);

    using clock = std::chrono::steady_clock;

    const model &                 model_;
    decoder &                     decoder_;
    const magnet_infill_params &  params_;
    const int32_t                 token_end_;
    const std::atomic<bool> &     cancelled_;
    const bool                    causal_; // nothing sees to its right
    const clock::time_point       start_ = clock::now();
    sampler                       choose_;
    log_softmax                   logprobs_;
    std::vector<int32_t>          ends_;
    std::vector<int32_t>          tokens_;
    const float *                 logits_ = nullptr;
    result                        out_;
};

result_span gap_filler::fill(const gap & g, int32_t first_pos, bool more_gaps) {
    const span_writer_options options = { g.part,           params_.top,                {},
                                          params_.on_token, params_.on_token_user_data, g.spaced };
    span_writer               writer(model_, options);
    std::vector<int32_t> &    tokens = tokens_;

    tokens.clear();

    choose_.restart_grammar();
    // a gap of exact length must not end before it, and no gap before its first token: in training none is empty
    choose_.ban(ends_);

    int32_t stop = MAGNET_STOP_LENGTH;
    try {
        while ((int32_t) tokens.size() < g.n_slots) {
            if (cancelled_) {
                throw error(MAGNET_STATUS_CANCELLED, "the call was cancelled.");
            }
            logprobs_.set(logits_, model_.n_vocab());
            const int32_t token = choose_.sample(logits_);
            if (token < 0) {
                stop = MAGNET_STOP_GRAMMAR;
                break;
            }
            if (g.open && ends_gap(token)) {
                writer.set_stop_logprob(logprobs_(token));
                stop = choose_.has_grammar() ? MAGNET_STOP_GRAMMAR : MAGNET_STOP_END;
                break;
            }
            choose_.accept(token);
            tokens.push_back(token);
            if (g.open && tokens.size() == 1) {
                choose_.ban({});
            }
            if (!writer.push(token, logprobs_)) {
                break;
            }
            // the last token is encoded only if a later gap sees it
            if ((int32_t) tokens.size() < g.n_slots || more_gaps) {
                const int32_t pos = first_pos + (int32_t) tokens.size() - 1;
                logits_           = decoder_.decode({ token, pos, MAGNET_MASK_SPAN, g.part }, causal_);
            }
        }
    } catch (const error & e) {
        if (e.status != MAGNET_STATUS_CANCELLED || tokens.empty()) {
            throw;
        }
        stop = MAGNET_STOP_CANCELLED;
    }
    return writer.finish(stop);
}

void gap_filler::fill_next(const gap & g, bool more_gaps, const std::function<gap_start()> & prepare) {
    const bool first = out_.spans.empty();
    try {
        if (cancelled()) {
            throw error(MAGNET_STATUS_CANCELLED, "the call was cancelled.");
        }
        const gap_start from = prepare();
        logits_              = from.logits;
        if (first) {
            out_.prompt_seconds  = seconds();
            out_.n_reused_tokens = from.n_reused;
        }
        out_.spans.push_back(fill(g, from.pos, more_gaps));
        out_.n_generated_tokens += (int32_t) tokens_.size();
    } catch (const error & e) {
        if (e.status != MAGNET_STATUS_CANCELLED || first) {
            throw;
        }
        result_span empty; // of this gap: the others before it are kept
        empty.part = g.part;
        empty.stop = MAGNET_STOP_CANCELLED;
        out_.spans.push_back(empty);
    }
}

result gap_filler::take() {
    out_.generate_seconds = seconds() - out_.prompt_seconds;
    return std::move(out_);
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
            return { logits, (int32_t) context.size(), n_reused };
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
                return { logits, pos, n_reused };
            }
            if (predictor.token < 0) { // right behind another gap: what that one left goes on
                return { filler.logits(), pos };
            }
            return { hybrid ? d.decode_again(predictor) : d.decode(predictor, false), pos };
        });
    }
}

} // namespace

result session::infill(const magnet_part * parts, int32_t n_parts, const magnet_infill_params & p) {
    require(p.max_tokens >= 1, "max_tokens", p.max_tokens, "1 or more");
    require_between("top", p.top, 0, 100);
    layout_options options = layout_with(p.context);
    options.max_tokens     = p.max_tokens;
    options.need_bos       = true;
    const bool   left      = options.context == MAGNET_CONTEXT_LEFT;
    decoder &    decoding  = get_decoder();
    gap_filler   filler(*base_, decoding, p, recipe_.token_end, cancelled_, left);
    const layout plan = make_layout(*base_, parts, n_parts, options);
    if (plan.gaps.empty()) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "no part is a gap; there is nothing to fill.");
    }
    decoding.begin(plan.n_positions());

    if (left) {
        infill_left(plan, decoding, filler);
    } else {
        infill_between(plan, options.context == MAGNET_CONTEXT_HYBRID, decoding, filler);
    }
    result out          = filler.take();
    out.n_prompt_tokens = (int32_t) std::count_if(plan.slots.begin(), plan.slots.end(),
                                                  [](const slot & s) { return s.token >= 0; });
    return out;
}

} // namespace magnet
