#include "bootstrap.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace magnet::eval {

double of_all(size_t n, const statistic & figure) {
    std::vector<size_t> items(n);
    std::iota(items.begin(), items.end(), size_t(0));
    return figure(items);
}

// Linear between the two values that it lies between; sorted is not empty.
static double quantile(const std::vector<double> & sorted, double q) {
    const double at    = q * (double)(sorted.size() - 1);
    const size_t below = (size_t)at;
    const size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (at - (double)below) * (sorted[above] - sorted[below]);
}

interval bootstrap(size_t n, int32_t n_resamples, const statistic & figure) {
    std::mt19937_64     random(1); // whose numbers the standard fixes, unlike those of distributions
    std::vector<double> values;
    std::vector<size_t> items(n);
    for (int32_t i = 0; n > 1 && i < n_resamples; ++i) {
        for (size_t & item : items) {
            item = (size_t)(random() % n); // the bias is n / 2^64
        }
        const double value = figure(items);
        if (std::isfinite(value)) {
            values.push_back(value);
        }
    }
    if (values.empty() || 2 * values.size() < (size_t)n_resamples) {
        return no_interval;
    }
    std::sort(values.begin(), values.end());
    return {quantile(values, 0.025), quantile(values, 0.975)};
}

statistic ratio(const std::vector<double> & numerators, const std::vector<double> & denominators, double (*shape)(double)) {
    return [numerators, denominators, shape](const std::vector<size_t> & items) {
        double a = 0.0, b = 0.0;
        for (const size_t i : items) {
            if (!std::isnan(numerators[i])) {
                a += numerators[i];
                b += denominators[i];
            }
        }
        return shape ? shape(a / b) : a / b;
    };
}

} // namespace magnet::eval
