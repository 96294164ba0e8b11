// How much a figure would change with other items of the same kind: the bootstrap's percentile interval (Efron, 1979).
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

namespace magnet::eval {

struct interval {
    double low, high; // NaN where it is not defined
};

constexpr interval no_interval = {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};

// A figure of some of n items, an item as often as it is named.
using statistic = std::function<double(const std::vector<size_t> & items)>;

// Of the items 0 to n - 1, each once.
double of_all(size_t n, const statistic & figure);

// Holds the figure of 95 of 100 resamples, each n items drawn with replacement; the same n_resamples and n draw the same
// items. n_resamples = 0, or a figure that most of them do not have: NaN. One item says nothing of others: NaN too.
interval bootstrap(size_t n, int32_t n_resamples, const statistic & figure);

// shape(sum of numerators / sum of denominators); both [items]. Items whose numerator is NaN are left out.
statistic ratio(const std::vector<double> & numerators, const std::vector<double> & denominators,
                double (*shape)(double) = nullptr);

} // namespace magnet::eval
