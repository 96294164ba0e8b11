// Scoring: log-probabilities of what fills the gaps, token by token, without a KV cache and many items in one pass.
#include "base/error.h"
#include "base/utf8.h"
#include "layout.h"
#include "sampler.h"
#include "session.h"

#include <chrono>
#include <cmath>
#include <map>

namespace magnet {

namespace {

// Where the log-probability of a predicted token goes.
struct prediction {
    int32_t span;
    int32_t token; // index in its span
};

} // namespace

result session::score(const magnet_score_item * items, int32_t n_items, const magnet_score_params & p) {
    layout_options options = layout_with(p.context);
    options.filled         = true;

    std::vector<layout> plans(n_items);
    for (int32_t i = 0; i < n_items; ++i) {
        try {
            plans[i] = make_layout(*base_, items[i].parts, items[i].n_parts, options);
        } catch (const error & e) {
            throw error(e.status, "item " + std::to_string(i) + ": " + e.what());
        }
    }
    return score(plans, p);
}

result session::score(const std::vector<std::vector<token_part>> & items, const magnet_score_params & p) {
    const layout_options options = layout_with(p.context);

    std::vector<layout> plans;
    for (const std::vector<token_part> & parts : items) {
        plans.push_back(make_layout(*base_, parts, options));
    }
    return score(plans, p);
}

result session::score(const std::vector<layout> & plans, const magnet_score_params & p) {
    require_between("top", p.top, 0, 100);
    using clock         = std::chrono::steady_clock;
    const auto    start = clock::now();

    using predictions = std::vector<prediction>;
    const int32_t                         n_items = (int32_t) plans.size();
    result                                out;
    std::vector<encoder_row>              rows(n_items);
    std::vector<std::vector<predictions>> targets(n_items); // [item][output]

    for (int32_t i = 0; i < n_items; ++i) {
        const layout & plan = plans[i];
        out.n_prompt_tokens += (int32_t) plan.slots.size();

        for (const slot & s : plan.slots) {
            rows[i].tokens.push_back(s.token);
            rows[i].pos.push_back(s.pos);
            rows[i].roles.push_back(s.role);
        }

        std::map<int32_t, predictions> by_output; // ascending, as the encoder wants it
        for (const gap & g : plan.gaps) {
            result_span span;
            utf8_stream utf8;
            span.item = i;
            span.part = g.part;
            for (int32_t k = 0; k < g.n_slots; ++k) {
                const int32_t token = plan.slots[g.first + k].token;
                span.tokens.push_back({ token, NAN, (int32_t) span.text.size(), {} });
                utf8.push(own_bytes(g.spaced, k, base_->token_bytes(token, false)), span.text);
                const int32_t output = g.predictor_of(k);
                if (output >= 0) {
                    by_output[output].push_back({ (int32_t) out.spans.size(), k });
                }
            }
            utf8.finish(span.text);
            out.spans.push_back(std::move(span));
        }
        for (auto & [output, predicted] : by_output) {
            rows[i].outputs.push_back(output);
            targets[i].push_back(std::move(predicted));
        }
    }

    // an item without a prediction needs no pass
    std::vector<int32_t>     item_of;
    std::vector<encoder_row> to_run;
    for (int32_t i = 0; i < n_items; ++i) {
        if (!rows[i].outputs.empty()) {
            item_of.push_back(i);
            to_run.push_back(std::move(rows[i]));
        }
    }

    magnet_progress progress = { n_items - (int64_t) to_run.size(), n_items };
    get_encoder().logits(
        to_run,
        [&](int32_t r, int32_t o, const float * logits) {
            static thread_local log_softmax logprobs; // outputs come from several threads
            logprobs.set(logits, base_->n_vocab());
            for (const prediction & t : targets[item_of[r]][o]) {
                result_token & token = out.spans[t.span].tokens[t.token];
                token.logprob        = logprobs(token.id);
                if (p.top > 0) {
                    token.top = logprobs.top(p.top);
                }
            }
        },
        [&](int32_t) {
            ++progress.done;
            return !cancelled_ && (!p.progress || p.progress(&progress, p.progress_user_data));
        });
    out.prompt_seconds = std::chrono::duration<double>(clock::now() - start).count();
    return out;
}

} // namespace magnet
