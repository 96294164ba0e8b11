// Are they numbers?
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace magnet {

inline bool all_finite(const float * values, int64_t n) {
    return std::all_of(values, values + n, [](float x) { return std::isfinite(x); });
}

inline bool all_finite(const std::vector<float> & values) {
    return all_finite(values.data(), int64_t(values.size()));
}

} // namespace magnet
