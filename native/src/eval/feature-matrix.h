// Vectors to learn from, as rows of a matrix.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace magnet::eval {

// Floats of the widest register: what widths are padded to, so that products need no remainder.
constexpr int32_t lanes = 16;

constexpr int32_t padded(int32_t n) {
    return (n + lanes - 1) / lanes * lanes;
}

// Rows of n features, padded with a constant 1 (the bias) and zeros to a width that products like.
class feature_matrix {
public:
    explicit feature_matrix(int32_t n_features);

    void          resize(size_t n_rows); // new rows are zero
    size_t        n_rows() const { return n_rows_; }
    int32_t       n_features() const { return n_features_; }
    int32_t       width() const { return width_; }
    float *       row(size_t i) { return values_.data() + i * (size_t)width_; }
    const float * row(size_t i) const { return values_.data() + i * (size_t)width_; }

    // Each feature minus its mean over rows of `of`, divided by its standard deviation there (if that is not 0).
    void standardize(const feature_matrix & of);

private:
    int32_t            n_features_;
    int32_t            width_;
    size_t             n_rows_ = 0;
    std::vector<float> values_;
};

} // namespace magnet::eval
