// An evaluation: the protocols of magnet_eval, one a file, and what they share.
#pragma once

#include "magnet-session.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace magnet {

struct eval_figure {
    std::string name;
    double      value;
    int64_t     count;
};

struct eval_series {
    std::string         name;
    std::vector<double> values;
};

struct eval_result {
    std::vector<eval_figure> figures;
    std::vector<eval_series> series;

    void add(const std::string & name, double value, size_t count) { figures.push_back({ name, value, (int64_t) count }); }
};

// What a protocol works with.
struct evaluation {
    session &                  with;
    const magnet_eval_params & params; // checked

    const model & base() const { return with.base(); }
    int64_t       limit(size_t n) const { return params.limit > 0 ? std::min<int64_t>(params.limit, (int64_t) n) : (int64_t) n; }

    // Values of items [first, last) of a variant, one vector each.
    using batch = std::function<std::vector<std::vector<double>>(const std::vector<int32_t> & items)>;

    // All of one kind: variant names them in the state.
    struct work {
        std::string variant;
        int32_t     n_items;
        int32_t     batch_size; // items of one call: enough to pack well, few enough to stop in between
        batch       compute;
    };

    // Values [work][item] of all items: those in the state are not computed again. Progress counts items of all works.
    std::vector<std::vector<std::vector<double>>> run(const std::vector<work> & works) const;
};

// Throws INVALID_ARGUMENT naming the field.
void        check_eval_params(const magnet_eval_params & params);
eval_result evaluate(session & with, const magnet_eval_params & params);

eval_result eval_sts(const evaluation & e);
eval_result eval_infill(const evaluation & e);
eval_result eval_perplexity(const evaluation & e);

} // namespace magnet
