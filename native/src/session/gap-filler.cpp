#include "gap-filler.h"

#include "base/error.h"
#include "layout.h"
#include "magnet-mask.h"

namespace magnet {

result_span gap_filler::fill(const gap & g, int32_t first_pos, bool more_gaps) {
    end_rules ends;
    if (g.open) { // an exact gap has its length
        ends       = rules_.text;
        ends.right = rules_.rights.empty() ? "" : rules_.rights[g.part];
    }
    const span_writer_options options = { g.part,           params_.top,                std::move(ends),
                                          params_.on_token, params_.on_token_user_data, g.spaced };
    span_writer               writer(model_, options);
    std::vector<int32_t> &    tokens = tokens_;

    tokens.clear();
    n_encoded_ = 0;
    if (more_gaps && logits_ != logits_before_.data()) {
        logits_before_.assign(logits_, logits_ + model_.n_vocab());
    }

    choose_.restart_grammar();
    // a gap of exact length must not end before it, and but for FIM none before its first token: in training none is empty
    const bool may_be_empty = g.open && rules_.may_be_empty;
    choose_.ban(may_be_empty ? std::vector<int32_t>() : rules_.ends);

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
            ++out_.n_generated_tokens;
            if (g.open && !may_be_empty && tokens.size() == 1) {
                choose_.ban({});
            }
            if (!writer.push(token, logprobs_)) {
                break;
            }
            // the last token is encoded only if a later gap sees it
            if ((int32_t) tokens.size() < g.n_slots || more_gaps) {
                encode(token, g, first_pos);
            }
        }
    } catch (const error & e) {
        if (e.status != MAGNET_STATUS_CANCELLED || tokens.empty()) {
            throw;
        }
        stop = MAGNET_STOP_CANCELLED;
    }
    result_span span = writer.finish(stop);
    keep(span, g, first_pos, more_gaps);
    return span;
}

void gap_filler::encode(int32_t token, const gap & g, int32_t first_pos) {
    logits_ = decoder_.decode({ token, first_pos + n_encoded_, MAGNET_MASK_SPAN, g.part }, rules_.causal);
    ++n_encoded_;
}

// Later gaps see the text as it was cut: the decoder forgets what is no part of it.
void gap_filler::keep(result_span & span, const gap & g, int32_t first_pos, bool more_gaps) {
    if (span.tokens.size() == tokens_.size() && span.stop != MAGNET_STOP_UNTIL && span.stop != MAGNET_STOP_STRING &&
        span.stop != MAGNET_STOP_REPEAT) {
        span.kept = tokens_;
        return;
    }
    std::vector<int32_t> kept;
    std::string          bytes;
    for (const result_token & t : span.tokens) {
        kept.push_back(t.id);
        bytes += own_bytes(g.spaced, (int32_t) kept.size() - 1, model_.token_bytes(t.id, false));
    }
    if (bytes != span.text) { // the cut went through a token
        kept = model_.tokenize_continuation(g.spaced && !span.text.empty() ? " " + span.text : span.text);
    }
    const auto    differ = std::mismatch(kept.begin(), kept.end(), tokens_.begin(), tokens_.end()).first;
    const int32_t same   = std::min((int32_t) (differ - kept.begin()), n_encoded_);
    tokens_              = std::move(kept);
    span.kept            = tokens_;
    if (!more_gaps || rules_.causal || span.stop == MAGNET_STOP_CANCELLED) { // causal: the next gap sets its own context
        return;
    }
    decoder_.forget(n_encoded_ - same);
    n_encoded_ = same;
    if (tokens_.empty()) {
        logits_ = logits_before_.data();
    } else if (same == (int32_t) tokens_.size()) { // its output is wanted again
        decoder_.forget(1);
        --n_encoded_;
    }
    while (n_encoded_ < (int32_t) tokens_.size()) {
        encode(tokens_[n_encoded_], g, first_pos);
    }
}

void gap_filler::fill_next(const gap & g, bool more_gaps, const std::function<gap_start()> & prepare) {
    const bool first = out_.spans.empty();
    try {
        if (cancelled()) {
            throw error(MAGNET_STATUS_CANCELLED, "the call was cancelled.");
        }
        const gap_start from = prepare();
        logits_              = from.logits;
        out_.n_prompt_tokens += from.n_prompt;
        out_.n_reused_tokens += from.n_reused;
        if (first) {
            out_.prompt_seconds = seconds();
            if (on_context_) {
                on_context_();
            }
        }
        out_.spans.push_back(fill(g, from.pos, more_gaps));
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

} // namespace magnet
