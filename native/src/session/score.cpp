// Scoring: log-probabilities of what fills the gaps, token by token, without a KV cache and many items in one pass.
#include "base/error.h"
#include "base/utf8.h"
#include "fim-prompt.h"
#include "layout.h"
#include "sampler.h"
#include "session.h"

#include <algorithm>
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

    std::vector<scored_row> rows;
    for (int32_t i = 0; i < n_items; ++i) {
        try {
            add_rows(tokenize_parts(*base_, items[i].parts, items[i].n_parts, options), i, options, p, rows);
        } catch (const error & e) {
            throw error(e.status, "item " + std::to_string(i) + ": " + e.what());
        }
    }
    return score(rows, n_items, p);
}

result session::score(const std::vector<std::vector<token_part>> & items, const magnet_score_params & p) {
    const layout_options options = layout_with(p.context);

    std::vector<scored_row> rows;
    for (const std::vector<token_part> & parts : items) {
        add_rows(parts, (int32_t) (&parts - items.data()), options, p, rows);
    }
    return score(rows, (int32_t) items.size(), p);
}

void session::add_rows(const std::vector<token_part> & parts, int32_t item, const layout_options & options,
                       const magnet_score_params & p, std::vector<scored_row> & rows) const {
    if (options.context != MAGNET_CONTEXT_FIM) {
        check_no_fim_files(p.fim);
        rows.push_back({ make_layout(*base_, parts, options), item });
        return;
    }
    const fim_prompter prompter(*base_, p.fim);
    for (int32_t i = 0; i < (int32_t) parts.size(); ++i) {
        if (parts[i].is_gap) {
            rows.push_back({ prompter.row(parts, i, options), item });
        }
    }
}

result session::score(const std::vector<scored_row> & scored, int32_t n_items, const magnet_score_params & p) {
    require_between("top", p.top, 0, 100);
    using clock         = std::chrono::steady_clock;
    const auto    start = clock::now();

    using predictions = std::vector<prediction>;
    const int32_t                         n_rows = (int32_t) scored.size();
    result                                out;
    std::vector<encoder_row>              rows(n_rows);
    std::vector<std::vector<predictions>> targets(n_rows); // [row][output]

    for (int32_t i = 0; i < n_rows; ++i) {
        const layout & plan = scored[i].plan;
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
            span.item = scored[i].item;
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

    // a row without a prediction needs no pass
    std::vector<int32_t>     row_of;
    std::vector<int32_t>     rows_left(n_items); // of an item
    std::vector<encoder_row> to_run;
    for (int32_t i = 0; i < n_rows; ++i) {
        if (!rows[i].outputs.empty()) {
            row_of.push_back(i);
            ++rows_left[scored[i].item];
            to_run.push_back(std::move(rows[i]));
        }
    }

    magnet_progress progress = { std::count(rows_left.begin(), rows_left.end(), 0), n_items };
    get_encoder().logits(
        to_run,
        [&](int32_t r, int32_t o, const float * logits) {
            static thread_local log_softmax logprobs; // outputs come from several threads
            logprobs.set(logits, base_->n_vocab());
            for (const prediction & t : targets[row_of[r]][o]) {
                result_token & token = out.spans[t.span].tokens[t.token];
                token.logprob        = logprobs(token.id);
                if (p.top > 0) {
                    token.top = logprobs.top(p.top);
                }
            }
        },
        [&](int32_t r) {
            progress.done += --rows_left[scored[row_of[r]].item] == 0;
            return !cancelled_ && (!p.progress || p.progress(&progress, p.progress_user_data));
        });
    out.prompt_seconds = std::chrono::duration<double>(clock::now() - start).count();
    return out;
}

} // namespace magnet
