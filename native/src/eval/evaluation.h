// An evaluation: the protocols of magnet_eval, one a file, and what they share.
#pragma once

#include "bootstrap.h"
#include "journal.h"
#include "session/session.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

namespace magnet::eval {

struct eval_figure {
    std::string name;
    double      value;
    int64_t     count;
    interval    range; // of 95 %
};

struct eval_series {
    std::string         name;
    std::vector<double> values;
};

struct eval_result {
    std::vector<eval_figure> figures;
    std::vector<eval_series> series;

};

// What a protocol works with: the session, its parameters, the items that a former run finished, progress.
class evaluation {
public:
    // params are checked and outlive it.
    evaluation(session & with, const magnet_eval_params & params);

    session &                  with() const { return with_; }
    const magnet_eval_params & params() const { return params_; }
    const model &              base() const { return with_.base(); }

    // How many of n items are wanted.
    size_t limit(size_t n) const { return params_.limit > 0 ? std::min(n, (size_t)params_.limit) : n; }

    // A figure of n items, measured on count, with its interval.
    void add(eval_result & out, const std::string & name, size_t count, size_t n, const statistic & figure) const;

    // Does a text stand earlier in its file, and is it to be left out then?
    bool is_repeated(const std::string & text) { return params_.unique && !texts_.insert(text).second; }
    void forget_texts() { texts_.clear(); } // before another file

    // Throws TOO_LONG, naming the line, unless the session reads so many tokens.
    void check_length(size_t n_tokens, const std::string & path, int64_t line) const;

    // Throws INVALID_ARGUMENT, naming the field and its value, unless the session reads so many tokens and BOS before them.
    void check_window(const std::string & field, int32_t window, size_t n_tokens) const;

    // Items of one kind: variant names them in the state, an item's outcome is some numbers.
    struct work {
        std::string variant;
        size_t      n_items;
        size_t      batch_size; // items of one call: enough to pack well, few enough to stop in between
        std::function<std::vector<std::vector<double>>(const std::vector<size_t> & items)> compute;
        // Could compute have said this of the item? The state's file may be damaged.
        std::function<bool(size_t item, const std::vector<double> & outcome)> plausible;
    };
    using outcomes = std::vector<std::vector<double>>; // [item]

    // For work.plausible: that many numbers, none of them NaN or infinite.
    static bool are_finite(const std::vector<double> & outcome, size_t n);

    // Outcomes [work] of all items: those that are finished are not computed again.
    std::vector<outcomes> run(const std::vector<work> & works);

    // The same step by step, for protocols that have other things to do in between: progress counts to what was
    // expected.
    void     expect(size_t n_items);
    bool     finished(const work & w) const;
    outcomes run(const work & w);
    void     advance(size_t n_items);

private:
    session &                  with_;
    const magnet_eval_params & params_;
    journal                    done_;
    magnet_progress            progress_ = {};
    std::unordered_set<std::string> texts_; // read so far, if they are to be told apart
};

// Runs the protocol that params name. Throws INVALID_ARGUMENT naming the field, and what the protocol throws.
eval_result evaluate(session & with, const magnet_eval_params & params);

eval_result eval_sts(evaluation & e);
eval_result eval_infill(evaluation & e);
eval_result eval_perplexity(evaluation & e);
eval_result eval_repetition(evaluation & e);
eval_result eval_probe(evaluation & e);
eval_result eval_choice(evaluation & e);
eval_result eval_retrieval(evaluation & e);

} // namespace magnet::eval
