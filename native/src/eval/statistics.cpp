#include "statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace magnet::eval {

std::vector<double> average_ranks(const std::vector<double> & values) {
    std::vector<size_t> order(values.size());
    std::iota(order.begin(), order.end(), size_t(0));
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });

    std::vector<double> ranks(values.size());
    for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
        while (end < order.size() && values[order[end]] == values[order[begin]]) {
            ++end;
        }
        for (size_t i = begin; i < end; ++i) {
            ranks[order[i]] = (double)(begin + 1 + end) / 2.0; // mean of begin + 1 … end
        }
    }
    return ranks;
}

double spearman(const std::vector<double> & a, const std::vector<double> & b) {
    const std::vector<double> x = average_ranks(a), y = average_ranks(b);
    const double              mean = ((double)x.size() + 1.0) / 2.0;

    double xy = 0.0, xx = 0.0, yy = 0.0;
    for (size_t i = 0; i < x.size(); ++i) {
        xy += (x[i] - mean) * (y[i] - mean);
        xx += (x[i] - mean) * (x[i] - mean);
        yy += (y[i] - mean) * (y[i] - mean);
    }
    return xx > 0.0 && yy > 0.0 ? xy / std::sqrt(xx * yy) : std::nan("");
}

} // namespace magnet::eval
