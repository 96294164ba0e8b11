#include "feature-matrix.h"

#include <cmath>

namespace magnet::eval {

feature_matrix::feature_matrix(int32_t n_features) : n_features_(n_features), width_(padded(n_features + 1)) {}

void feature_matrix::resize(size_t n_rows) {
    values_.resize(n_rows * (size_t)width_);
    for (size_t i = n_rows_; i < n_rows; ++i) {
        row(i)[n_features_] = 1.0f;
    }
    n_rows_ = n_rows;
}

void feature_matrix::standardize(const feature_matrix & of) {
    std::vector<double> mean((size_t)n_features_), square((size_t)n_features_);
    for (size_t i = 0; i < of.n_rows(); ++i) {
        for (int32_t d = 0; d < n_features_; ++d) {
            const double x = of.row(i)[d];
            mean[d] += x;
            square[d] += x * x;
        }
    }
    const double        n = (double)of.n_rows();
    std::vector<double> scale((size_t)n_features_, 1.0);
    for (int32_t d = 0; d < n_features_; ++d) {
        mean[d] /= n;
        const double variance = square[d] / n - mean[d] * mean[d];
        if (variance > 0.0) {
            scale[d] = 1.0 / std::sqrt(variance);
        }
    }
    for (size_t i = 0; i < n_rows_; ++i) {
        for (int32_t d = 0; d < n_features_; ++d) {
            row(i)[d] = (float)((row(i)[d] - mean[d]) * scale[d]);
        }
    }
}

} // namespace magnet::eval
