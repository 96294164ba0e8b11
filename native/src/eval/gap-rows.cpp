#include "gap-rows.h"

#include "base/error.h"
#include "base/lines.h"
#include "python-random.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace magnet::eval {

namespace {

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
std::vector<gap_row> read_stories(evaluation & e) {
    const std::string  path = e.params().file;
    python_random      random((uint32_t)e.params().infill.seed);
    std::vector<gap_row> rows;
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

        std::vector<token_part> row;
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
        rows.push_back({std::move(row), {}});
    });
    return rows;
}

// Paragraphs: gaps are spans of tokens, with context at both ends and between them, and at least as much context as
// gap.
std::vector<gap_row> read_paragraphs(evaluation & e) {
    const int32_t      n_gaps = e.params().infill.n_gaps;
    python_random      random((uint32_t)e.params().infill.seed);
    std::vector<gap_row> rows;
    for_each_line(e.params().file, [&](std::string & line, int64_t) {
        if (is_blank(line) || (e.params().limit > 0 && (int32_t)rows.size() == e.params().limit) || e.is_repeated(line)) {
            return;
        }
        std::vector<int32_t> tokens = e.base().tokenize(line, false, false);
        tokens.resize(std::min<size_t>(tokens.size(), (size_t)e.params().infill.window));
        e.check_window("infill.window", e.params().infill.window, tokens.size());

        std::vector<int32_t> lengths;
        int32_t              n_context = (int32_t)tokens.size();
        for (int32_t g = 0; g < n_gaps; ++g) {
            lengths.push_back(random.randint(e.params().infill.span_min, e.params().infill.span_max));
            n_context -= lengths.back();
        }
        if (n_context < std::max<int32_t>((int32_t)tokens.size() - n_context, n_gaps + 1)) {
            return;
        }
        std::vector<token_part>    row;
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
        rows.push_back({std::move(row), {}});
    });
    return rows;
}

// JSON Lines of left, gap and right, as they are.
std::vector<gap_row> read_given(evaluation & e) {
    const std::string    path = e.params().file;
    std::vector<gap_row> rows;
    for_each_line(path, [&](std::string & line, int64_t number) {
        if (is_blank(line) || (e.params().limit > 0 && (int32_t)rows.size() == e.params().limit) || e.is_repeated(line)) {
            return;
        }
        const nlohmann::json object = parse_json(line, path, number);
        given_texts          texts  = {json_text(object, "left", true, path, number), json_text(object, "gap", true, path, number),
                                       json_text(object, "right", true, path, number)};
        if (is_blank(texts.gap)) {
            throw bad_line(path, number, "\"gap\" is empty, so there is nothing to find.");
        }
        const model & m = e.base();
        rows.push_back({{text_part(m.tokenize(texts.left, false, false)),
                         gap_part(texts.left.empty() ? m.tokenize(texts.gap, false, false) : m.tokenize_continuation(texts.gap)),
                         text_part(m.tokenize_continuation(texts.right))},
                        std::move(texts)});
    });
    return rows;
}

} // namespace

std::vector<gap_row> read_gap_rows(evaluation & e) {
    const int32_t gaps = e.params().infill.gaps;
    const bool    spans = gaps == MAGNET_EVAL_GAPS_SPANS, given = gaps == MAGNET_EVAL_GAPS_GIVEN;
    std::vector<gap_row> rows = spans ? read_paragraphs(e) : given ? read_given(e) : read_stories(e);
    if (rows.empty()) {
        throw error(MAGNET_STATUS_BAD_FILE,
                    std::string(e.params().file) + (spans   ? " has no paragraph (a line) that is long enough for the gaps."
                                                    : given ? " has no gap (a line of JSON)."
                                                            : " has no story (a line of sentences)."));
    }
    return rows;
}

} // namespace magnet::eval
