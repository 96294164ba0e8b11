// Infilling, teacher-forced: how well is what stood in a gap predicted from the left alone, and from both sides?
#include "base/error.h"
#include "base/lines.h"
#include "evaluation.h"
#include "names.h"
#include "python-random.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace magnet::eval {

namespace {

using parts = std::vector<token_part>;

constexpr size_t rows_per_batch = 64;

token_part text_part(std::vector<int32_t> tokens) {
    token_part p;
    p.tokens = std::move(tokens);
    return p;
}

token_part gap_part(std::vector<int32_t> tokens) {
    token_part p = text_part(std::move(tokens));
    p.is_gap = p.filled = true;
    return p;
}

// k different numbers in [lo, hi], ascending, each drawn until it is new.
std::vector<int32_t> draw_sorted(python_random & random, int32_t k, int32_t lo, int32_t hi) {
    std::vector<int32_t> drawn;
    while ((int32_t)drawn.size() < k) {
        const int32_t x = random.randint(lo, hi);
        if (std::find(drawn.begin(), drawn.end(), x) == drawn.end()) {
            drawn.push_back(x);
        }
    }
    std::sort(drawn.begin(), drawn.end());
    return drawn;
}

// Rows of sentences: gaps are some of the inner ones. A sentence's tokens begin with the space before it.
std::vector<parts> read_stories(evaluation & e) {
    const std::string  path = e.params().file;
    python_random      random((uint32_t)e.params().infill.seed);
    std::vector<parts> rows;
    for_each_line(path, [&](std::string & line, int64_t number) {
        if (is_blank(line) || (e.params().limit > 0 && (int32_t)rows.size() == e.params().limit) || e.is_repeated(line)) {
            return;
        }
        const std::vector<std::string> sentences = split_columns(line);
        const int32_t                  n         = (int32_t)sentences.size();
        if (n < e.params().infill.n_gaps + 2) {
            throw bad_line(path, number,
                           "expected " + std::to_string(e.params().infill.n_gaps + 2) +
                               " or more tab-separated sentences (one left, one right, and " +
                               std::to_string(e.params().infill.n_gaps) + " for gaps), found " + std::to_string(n) + ".");
        }
        if (std::any_of(sentences.begin(), sentences.end(), is_blank)) {
            throw bad_line(path, number, "a sentence is empty.");
        }
        const std::vector<int32_t> gaps = draw_sorted(random, e.params().infill.n_gaps, 1, n - 2);

        parts       row;
        std::string text; // sentences between two gaps are one text
        const auto  add_text = [&] {
            if (!text.empty()) {
                row.push_back(text_part(row.empty() ? e.base().tokenize(text, false, false)
                                                     : e.base().tokenize_continuation(text)));
                text.clear();
            }
        };
        for (int32_t i = 0; i < n; ++i) {
            const std::string sentence = (i > 0 ? " " : "") + sentences[i];
            if (!std::binary_search(gaps.begin(), gaps.end(), i)) {
                text += sentence;
                continue;
            }
            add_text();
            row.push_back(gap_part(e.base().tokenize_continuation(sentence)));
        }
        add_text();
        rows.push_back(std::move(row));
    });
    return rows;
}

// Paragraphs: gaps are spans of tokens, with context at both ends and between them, and at least as much context as
// gap.
std::vector<parts> read_paragraphs(evaluation & e) {
    const int32_t      n_gaps = e.params().infill.n_gaps;
    python_random      random((uint32_t)e.params().infill.seed);
    std::vector<parts> rows;
    for_each_line(e.params().file, [&](std::string & line, int64_t) {
        if (is_blank(line) || (e.params().limit > 0 && (int32_t)rows.size() == e.params().limit) || e.is_repeated(line)) {
            return;
        }
        std::vector<int32_t> tokens = e.base().tokenize(line, false, false);
        tokens.resize(std::min<size_t>(tokens.size(), (size_t)e.params().infill.window));

        std::vector<int32_t> lengths;
        int32_t              n_context = (int32_t)tokens.size();
        for (int32_t g = 0; g < n_gaps; ++g) {
            lengths.push_back(random.randint(e.params().infill.span_min, e.params().infill.span_max));
            n_context -= lengths.back();
        }
        if (n_context < std::max<int32_t>((int32_t)tokens.size() - n_context, n_gaps + 1)) {
            return;
        }
        parts                      row;
        auto                       next = tokens.begin();
        int32_t                    used = 0; // context tokens so far
        const auto                 take = [&](int32_t n) { return std::vector<int32_t>(next, next + n); };
        const std::vector<int32_t> cuts = draw_sorted(random, n_gaps, 1, n_context - 1);
        for (int32_t g = 0; g < n_gaps; ++g) {
            row.push_back(text_part(take(cuts[g] - used)));
            next += cuts[g] - used;
            used = cuts[g];
            row.push_back(gap_part(take(lengths[g])));
            next += lengths[g];
        }
        row.push_back(text_part({next, tokens.end()}));
        rows.push_back(std::move(row));
    });
    return rows;
}

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

std::vector<std::vector<double>> score_rows(const evaluation & e, int32_t context, const std::vector<parts> & rows,
                                            const std::vector<size_t> & items) {
    std::vector<parts> batch;
    for (const size_t i : items) {
        batch.push_back(laid_out(e, rows[i], context));
    }
    magnet_score_params how = magnet_score_default_params();
    how.context             = context;
    how.top               = 1;

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

} // namespace

eval_result eval_infill(evaluation & e) {
    const magnet_eval_params & p     = e.params();
    const bool                 spans = p.infill.gaps == MAGNET_EVAL_GAPS_SPANS;
    const std::vector<parts>   rows  = spans ? read_paragraphs(e) : read_stories(e);
    if (rows.empty()) {
        throw error(MAGNET_STATUS_BAD_FILE,
                    std::string(p.file) + (spans ? " has no paragraph (a line) that is long enough for the gaps."
                                                 : " has no story (a line of sentences)."));
    }

    std::vector<int32_t> all = {MAGNET_CONTEXT_LEFT, MAGNET_CONTEXT_HYBRID, MAGNET_CONTEXT_ORDERED};
    if (e.base().fim().found()) {
        all.push_back(MAGNET_CONTEXT_FIM);
    }
    std::vector<evaluation::work> works;
    for (const int32_t context : choices(p.infill.contexts, p.infill.n_contexts, all, e.with().default_context())) {
        works.push_back(
            {context_name(context), rows.size(), rows_per_batch,
             [&e, &rows, context](const std::vector<size_t> & items) { return score_rows(e, context, rows, items); },
             // log-probability (NaN where nothing predicts a token), and three counts
             [](size_t, const std::vector<double> & t) {
                 return t.size() == 4 && evaluation::are_finite({t[1], t[2], t[3]}, 3) && t[1] >= 0 && t[1] <= INT32_MAX;
             }});
    }

    eval_result out;
    const auto  values = e.run(works);
    for (size_t w = 0; w < works.size(); ++w) {
        const std::string & name = works[w].variant;
        std::vector<double> columns[4];
        for (const std::vector<double> & row : values[w]) {
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
        if (p.infill.room > 0) {
            e.add(out, "end." + name, n, n, ratio(columns[3], std::vector<double>(n, 1.0)));
            out.series.push_back({"ended." + name, std::move(columns[3])});
        }
        if (w == 0) {
            out.series.push_back({"tokens", std::move(columns[1])});
        }
    }
    return out;
}

} // namespace magnet::eval
