// Infilling: the context is encoded once, then the gaps are decoded into the places left for them.
#include "base/error.h"
#include "layout.h"
#include "magnet-mask.h"
#include "session.h"
#include "span-writer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace magnet {

namespace {

// Fills the gaps of one layout; the decoder already holds what every gap may see from the start.
class gap_filler {
public:
    gap_filler(const model & m, decoder & d, const magnet_infill_params & p, int32_t token_end,
               const std::atomic<bool> & cancelled) :
        model_(m), decoder_(d), params_(p), token_end_(token_end), cancelled_(cancelled), choose_(m, p.sampling) {
        for (int32_t token = 0; token < m.n_vocab(); ++token) {
            if (ends_gap(token)) {
                ends_.push_back(token);
            }
        }
    }

    // logits predict the gap's first token, which takes the position first_pos, and are left at the output of the last
    // token decoded. Returns the tokens that the gap holds now.
    std::vector<int32_t> fill(const gap & g, int32_t first_pos, const float *& logits, bool more_gaps, bool causal);

    result_span take_span() { return std::move(span_); }
    bool        cancelled() const { return cancelled_ || span_cancelled_; }

private:
    bool ends_gap(int32_t token) const {
        return token == token_end_ || llama_vocab_is_eog(model_.vocab(), token);
    }

    const model &                 model_;
    decoder &                     decoder_;
    const magnet_infill_params &  params_;
    const int32_t                 token_end_;
    const std::atomic<bool> &     cancelled_;
    sampler                       choose_;
    log_softmax                   logprobs_;
    std::vector<int32_t>          ends_;
    result_span                   span_;
    bool                          span_cancelled_ = false;
};

std::vector<int32_t> gap_filler::fill(const gap & g, int32_t first_pos, const float *& logits, bool more_gaps,
                                      bool causal) {
    const span_writer_options options = { g.part,           params_.top, false, {}, params_.on_token,
                                          params_.on_token_user_data, g.spaced };
    span_writer               writer(model_, options);
    std::vector<int32_t>      tokens;

    choose_.restart_grammar();
    // a gap of exact length must not end before it, and no gap before its first token: in training none is empty
    choose_.ban(ends_);

    int32_t stop = MAGNET_STOP_LENGTH;
    try {
        while ((int32_t) tokens.size() < g.n_slots) {
            if (cancelled_) {
                stop = MAGNET_STOP_CANCELLED;
                break;
            }
            logprobs_.set(logits, model_.n_vocab());
            const int32_t token = choose_.sample(logits);
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
                logits            = decoder_.decode({ token, pos, MAGNET_MASK_SPAN, g.part }, causal);
            }
        }
    } catch (const error & e) {
        if (e.status != MAGNET_STATUS_CANCELLED) {
            throw;
        }
        stop = MAGNET_STOP_CANCELLED;
    }
    span_           = writer.finish(stop);
    span_cancelled_ = span_.stop == MAGNET_STOP_CANCELLED;
    return tokens;
}

} // namespace

result session::infill(const magnet_part * parts, int32_t n_parts, const magnet_infill_params & p) {
    if (p.max_tokens < 1 || p.top < 0 || p.top > 100) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "max_tokens is " + std::to_string(p.max_tokens) + " (>= 1) and top is " +
                                                        std::to_string(p.top) + " (0 to 100).");
    }
    using clock            = std::chrono::steady_clock;
    const auto    start    = clock::now();
    const auto    seconds  = [&] { return std::chrono::duration<double>(clock::now() - start).count(); };

    layout_options options = layout_with(p.context);
    options.max_tokens     = p.max_tokens;
    options.need_bos       = true;
    const int32_t context  = options.context;
    const bool    left     = context == MAGNET_CONTEXT_LEFT;
    const layout  plan     = make_layout(*base_, parts, n_parts, options);
    if (plan.gaps.empty()) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "no part is a gap; there is nothing to fill.");
    }
    decoder_.begin(plan.n_positions());

    result out;
    for (const slot & s : plan.slots) {
        out.n_prompt_tokens += s.token >= 0;
    }

    gap_filler           filler(*base_, decoder_, p, recipe_.token_end, cancelled_);
    std::vector<int32_t> tokens; // of the gap filled last

    // What the first gap's predictor needs in the cache: all context, or for LEFT the text before the gap.
    std::vector<slot> context_slots;
    for (const slot & s : plan.slots) {
        if (s.token >= 0 && !left && (context == MAGNET_CONTEXT_HYBRID || s.role == MAGNET_MASK_ORDERED)) {
            context_slots.push_back(s);
        }
    }

    // Makes the cache hold what the gap's first token is predicted from. Returns its logits and the position to fill from.
    int32_t    next    = 0; // LEFT: first slot that has no place yet
    const auto prepare = [&](size_t k, const float *& logits) -> int32_t {
        const gap & g         = plan.gaps[k];
        slot        predictor = plan.slots[g.predictor];
        if (left) {
            // text and filled gaps follow each other without holes
            const auto append = [&](int32_t token) {
                context_slots.push_back({ token, (int32_t) context_slots.size(), MAGNET_MASK_SPAN, 0 });
            };
            std::for_each(tokens.begin(), tokens.end(), append);
            for (; next < g.first; ++next) {
                if (plan.slots[next].token >= 0) {
                    append(plan.slots[next].token);
                }
            }
            predictor = context_slots.back();
            const std::vector<slot> before(context_slots.begin(), context_slots.end() - 1);
            int32_t                 n_reused;
            logits              = decoder_.set_context(before, predictor, true, n_reused);
            out.n_reused_tokens = k == 0 ? n_reused : out.n_reused_tokens;
            return predictor.pos + 1;
        }
        if (k == 0) {
            logits = decoder_.set_context(context_slots, predictor, false, out.n_reused_tokens);
        } else if (predictor.token < 0) {
            // right behind another gap: what that one left in logits goes on
        } else if (context == MAGNET_CONTEXT_HYBRID) {
            logits = decoder_.decode_again(predictor);
        } else {
            logits = decoder_.decode(predictor, false);
        }
        return plan.slots[g.first].pos;
    };

    const float * logits = nullptr;
    for (size_t k = 0; k < plan.gaps.size(); ++k) {
        const gap & g = plan.gaps[k];
        try {
            if (filler.cancelled()) {
                throw error(MAGNET_STATUS_CANCELLED, "the call was cancelled.");
            }
            const int32_t first_pos = prepare(k, logits);
            if (k == 0) {
                out.prompt_seconds = seconds();
            }
            tokens = filler.fill(g, first_pos, logits, k + 1 < plan.gaps.size(), left);
            out.spans.push_back(filler.take_span());
            out.n_generated_tokens += (int32_t) tokens.size();
        } catch (const error & e) {
            if (e.status != MAGNET_STATUS_CANCELLED || k == 0) {
                throw;
            }
            result_span empty; // of this gap: the others before it are kept
            empty.part = g.part;
            empty.stop = MAGNET_STOP_CANCELLED;
            out.spans.push_back(empty);
        }
    }
    out.generate_seconds = seconds() - out.prompt_seconds;
    return out;
}

} // namespace magnet
