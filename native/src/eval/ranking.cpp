#include "ranking.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>

namespace magnet::eval {

static double gain(const std::vector<int32_t> & grades, int32_t k) {
    double sum = 0.0;
    for (size_t i = 0; i < std::min(grades.size(), (size_t)k); ++i) {
        sum += std::max(grades[i], 0) / std::log2((double)i + 2.0);
    }
    return sum;
}

double recall_at(const std::vector<int32_t> & grades, const std::vector<int32_t> & judged, int32_t k) {
    const auto relevant = [](int32_t grade) { return grade > 0; };
    const auto end      = grades.begin() + (int64_t)std::min(grades.size(), (size_t)k);
    return (double)std::count_if(grades.begin(), end, relevant) /
           (double)std::count_if(judged.begin(), judged.end(), relevant);
}

double reciprocal_rank(const std::vector<int32_t> & grades) {
    const auto first = std::find_if(grades.begin(), grades.end(), [](int32_t grade) { return grade > 0; });
    return first == grades.end() ? 0.0 : 1.0 / (double)(first - grades.begin() + 1);
}

double ndcg_at(const std::vector<int32_t> & grades, const std::vector<int32_t> & judged, int32_t k) {
    std::vector<int32_t> best = judged;
    std::sort(best.begin(), best.end(), std::greater<int32_t>());
    return gain(grades, k) / gain(best, k);
}

} // namespace magnet::eval
