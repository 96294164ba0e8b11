// Infilling, teacher-forced: how well is what stood in a gap predicted from the left alone, and from both sides?
#include "base/error.h"
#include "edit-similarity.h"
#include "evaluation.h"
#include "gap-rows.h"
#include "names.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace magnet::eval {

namespace {

using parts = std::vector<token_part>;

constexpr size_t rows_per_batch = 64;

// What ends an open gap, as far as teacher forcing needs one token for it.
int32_t end_token(const evaluation & e) {
    const int32_t own = e.with().how().token_end;
    const int32_t end = own >= 0 ? own : llama_vocab_eos(e.base().vocab());
    if (end < 0) {
        throw error(MAGNET_STATUS_UNSUPPORTED, "nothing ends an open gap: the vocabulary has no end-of-text token.");
    }
    return end;
}

// The row as a context sees it.
parts laid_out(const evaluation & e, parts row, int32_t context) {
    if (e.params().infill.room > 0) {
        for (token_part & part : row) {
            if (part.is_gap) {
                part.tokens.push_back(end_token(e));
                part.max_length = e.params().infill.room;
            }
        }
    }
    if (context == MAGNET_CONTEXT_LEFT && !row.back().is_gap) {
        row.pop_back(); // nothing sees it
    }
    return row;
}

struct tally {
    double logprob = 0.0;
    double tokens  = 0.0;
    double correct = 0.0; // tokens that were the likeliest
    double ended   = 0.0; // open gaps that END ends where it should
};

std::vector<std::vector<double>> score_rows(const evaluation & e, int32_t context, const std::vector<gap_row> & rows,
                                            const std::vector<size_t> & items) {
    std::vector<parts> batch;
    for (const size_t i : items) {
        batch.push_back(laid_out(e, rows[i].parts, context));
    }
    magnet_score_params how = magnet_score_default_params();
    how.context             = context;
    how.top                 = 1;

    std::vector<tally> tallies(items.size());
    for (const result_span & span : e.with().score(batch, how).spans) {
        tally &      t    = tallies[span.item];
        const bool   open = e.params().infill.room > 0;
        const size_t n    = span.tokens.size() - open;
        size_t       cut  = 1; // tokens before the first place where an end is the likeliest; infill puts none in front
        for (size_t k = 0; k < n; ++k) {
            t.logprob += span.tokens[k].logprob;
            t.correct += span.tokens[k].top[0].token == span.tokens[k].id;
        }
        t.tokens += (double)n;
        while (cut < span.tokens.size() && !e.with().ends_gap(span.tokens[cut].top[0].token, context)) {
            ++cut;
        }
        t.ended += open && cut == n;
    }
    std::vector<std::vector<double>> out;
    for (const tally & t : tallies) {
        out.push_back({t.logprob, t.tokens, t.correct, t.ended});
    }
    return out;
}

// Fills the gaps with the likeliest tokens: is it the true text, and how near is it?
std::vector<std::vector<double>> fill_rows(const evaluation & e, int32_t context, const std::vector<gap_row> & rows,
                                           const std::vector<size_t> & items) {
    magnet_infill_params how = magnet_infill_default_params();
    how.context              = context;
    how.max_tokens           = e.params().infill.max_tokens;
    how.ends.until           = e.params().infill.until;

    std::vector<std::vector<double>> out;
    for (const size_t i : items) {
        const given_texts & texts = rows[i].texts;
        magnet_part         parts[3] = {};
        parts[0].text                = {texts.left.data(), (int32_t)texts.left.size()};
        parts[1].type                = MAGNET_PART_GAP;
        parts[2].text                = {texts.right.data(), (int32_t)texts.right.size()};
        const result      r          = e.with().infill(parts, 3, how);
        const std::string filled = stripped(r.fillings[0].spans[0].text), truth = stripped(texts.gap);
        out.push_back({filled == truth ? 1.0 : 0.0, edit_similarity(filled, truth)});
    }
    return out;
}

void add_scored(const evaluation & e, eval_result & out, const std::string & name, const evaluation::outcomes & rows, bool first) {
    std::vector<double> columns[4];
    for (const std::vector<double> & row : rows) {
        for (size_t k = 0; k < row.size(); ++k) {
            columns[k].push_back(row[k]);
        }
    }
    const size_t n = rows.size(), n_tokens = (size_t)std::accumulate(columns[1].begin(), columns[1].end(), 0.0);
    const auto   perplexity = [&columns](const std::vector<size_t> & items) { // NaN where nothing predicts a token
        double logprob = 0.0, tokens = 0.0;
        for (const size_t i : items) {
            logprob += columns[0][i];
            tokens += columns[1][i];
        }
        return std::exp(-logprob / tokens);
    };
    e.add(out, "perplexity." + name, n_tokens, n, perplexity);
    e.add(out, "accuracy." + name, n_tokens, n, ratio(columns[2], columns[1]));
    out.series.push_back({"logprob." + name, std::move(columns[0])});
    out.series.push_back({"correct." + name, std::move(columns[2])});
    if (e.params().infill.room > 0) {
        e.add(out, "end." + name, n, n, ratio(columns[3], std::vector<double>(n, 1.0)));
        out.series.push_back({"ended." + name, std::move(columns[3])});
    }
    if (first) {
        out.series.push_back({"tokens", std::move(columns[1])});
    }
}

void add_filled(const evaluation & e, eval_result & out, const std::string & name, const evaluation::outcomes & rows) {
    const std::vector<double> ones(rows.size(), 1.0);
    std::vector<double>       exact, edit;
    for (const std::vector<double> & row : rows) {
        exact.push_back(row[0]);
        edit.push_back(row[1]);
    }
    e.add(out, "exact." + name, rows.size(), rows.size(), ratio(exact, ones));
    e.add(out, "edit." + name, rows.size(), rows.size(), ratio(edit, ones));
    out.series.push_back({"exact." + name, std::move(exact)});
    out.series.push_back({"edit." + name, std::move(edit)});
}

} // namespace

eval_result eval_infill(evaluation & e) {
    const magnet_eval_params & p    = e.params();
    const std::vector<gap_row> rows = read_gap_rows(e);

    std::vector<int32_t> all = {MAGNET_CONTEXT_LEFT, MAGNET_CONTEXT_HYBRID, MAGNET_CONTEXT_ORDERED};
    if (e.base().fim().found()) {
        all.push_back(MAGNET_CONTEXT_FIM);
    }
    const std::vector<int32_t> contexts = choices(p.infill.contexts, p.infill.n_contexts, all, e.with().default_context());

    std::vector<evaluation::work> works;
    for (const int32_t context : contexts) {
        works.push_back(
            {context_name(context), rows.size(), rows_per_batch,
             [&e, &rows, context](const std::vector<size_t> & items) { return score_rows(e, context, rows, items); },
             // log-probability (NaN where nothing predicts a token), and three counts
             [](size_t, const std::vector<double> & t) {
                 return t.size() == 4 && evaluation::are_finite({t[1], t[2], t[3]}, 3) && t[1] >= 0 && t[1] <= INT32_MAX;
             }});
    }
    for (const int32_t context : contexts) {
        if (p.infill.max_tokens > 0) {
            works.push_back(
                {std::string("fill.") + context_name(context), rows.size(), 1,
                 [&e, &rows, context](const std::vector<size_t> & items) { return fill_rows(e, context, rows, items); },
                 [](size_t, const std::vector<double> & t) { return evaluation::are_finite(t, 2); }});
        }
    }

    eval_result out;
    const auto  values = e.run(works);
    for (size_t w = 0; w < contexts.size(); ++w) {
        add_scored(e, out, works[w].variant, values[w], w == 0);
        if (p.infill.max_tokens > 0) {
            add_filled(e, out, works[w].variant, values[contexts.size() + w]);
        }
    }
    return out;
}

} // namespace magnet::eval
