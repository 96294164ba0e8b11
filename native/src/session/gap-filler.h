// Fills the gaps of a template one after the other: tokens are chosen, written down and encoded for the next. What the cache
// must hold before each gap is said by the ways to infill (infill.cpp).
#pragma once

#include "decoder.h"
#include "sampler.h"
#include "span-writer.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>

namespace magnet {

// What the first token of a gap is predicted from.
struct gap_start {
    const float * logits; // at its predictor
    int32_t       pos;    // of the gap's first token
    int32_t       n_prompt = 0; // context tokens read for it, and of these found in the cache
    int32_t       n_reused = 0;
};

// How the gaps of a call end, and what sees them.
struct gap_rules {
    std::vector<int32_t> ends;              // tokens, ascending
    bool                 may_be_empty;      // an open gap
    bool                 causal;            // nothing sees to its right
    end_rules            text;              // of open gaps; its right side is that of each gap (rights)
    std::vector<std::string> rights;        // by part: what stands right of a gap; empty = repetitions are kept
};

class gap_filler {
public:
    // All must outlive it. on_context is called once, when the decoder holds the context of the first gap.
    gap_filler(const model & m, decoder & d, const magnet_infill_params & p, const gap_rules & rules,
               const std::atomic<bool> & cancelled, std::function<void()> on_context = {}) :
        model_(m), decoder_(d), params_(p), rules_(rules), cancelled_(cancelled), on_context_(std::move(on_context)),
        choose_(m, p.sampling) {}

    // The next gap; the decoder holds what it may see once prepare has returned. A call that is cancelled keeps the gaps
    // that were filled before; the others are empty. Throws CANCELLED before the first token of the first gap.
    void fill_next(const gap & g, bool more_gaps, const std::function<gap_start()> & prepare);

    // Of the gap filled last: the tokens that stand for its text to what comes later, and the logits behind them.
    const std::vector<int32_t> & tokens() const { return tokens_; }
    const float *                logits() const { return logits_; }
    result                       take();

private:
    bool ends_gap(int32_t token) const { return std::binary_search(rules_.ends.begin(), rules_.ends.end(), token); }
    bool cancelled() const {
        return cancelled_ || (!out_.spans.empty() && out_.spans.back().stop == MAGNET_STOP_CANCELLED);
    }
    double      seconds() const { return std::chrono::duration<double>(clock::now() - start_).count(); }
    result_span fill(const gap & g, int32_t first_pos, bool more_gaps);
    void        keep(result_span & span, const gap & g, int32_t first_pos, bool more_gaps);
    void        encode(int32_t token, const gap & g, int32_t first_pos);

    using clock = std::chrono::steady_clock;

    const model &                 model_;
    decoder &                     decoder_;
    const magnet_infill_params &  params_;
    const gap_rules &             rules_;
    const std::atomic<bool> &     cancelled_;
    const std::function<void()>   on_context_;
    const clock::time_point       start_ = clock::now();
    sampler                       choose_;
    log_softmax                   logprobs_;
    std::vector<int32_t>          tokens_;
    int32_t                       n_encoded_ = 0;  // of tokens_, by the decoder
    std::vector<float>            logits_before_;  // of the gap, where a later one may need them
    const float *                 logits_ = nullptr;
    result                        out_;
};

} // namespace magnet
