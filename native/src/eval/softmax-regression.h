// Multinomial logistic regression: which class does a vector belong to?
#pragma once

#include "engine/threads.h"
#include "feature-matrix.h"

#include <cstdint>
#include <vector>

namespace magnet::eval {

struct labelled_rows {
    const feature_matrix * features;
    std::vector<size_t>    rows;   // which of them
    std::vector<int32_t>   labels; // [rows] in [0, n_classes); -1 = none of the known ones (not for training)
};

struct fit_limits {
    int32_t iterations = 100;
    double  gradient   = 1e-4; // largest component, of the mean loss
};

class softmax_regression {
public:
    softmax_regression(int32_t n_classes, int32_t width);

    // Mean over rows of -log p(label), plus l2 / 2 * sum of squared weights, biases left out; gradient [weights].
    double loss(const labelled_rows & data, double l2, thread_pool & pool, std::vector<double> & gradient) const;

    // Goes to the minimum by L-BFGS (Liu and Nocedal, 1989) from the weights it has. The same bits for any number of
    // threads. Returns the iterations.
    int32_t fit(const labelled_rows & data, double l2, thread_pool & pool, const fit_limits & limits = {});

    // The likeliest class of each row.
    std::vector<int32_t> predict(const labelled_rows & data, thread_pool & pool) const;

    // [width][classes padded]; weight(feature, class), the bias being the feature behind the last
    std::vector<double> & weights() { return weights_; }
    size_t index(int32_t feature, int32_t c) const { return (size_t)feature * (size_t)n_padded_ + (size_t)c; }

private:
    std::vector<float> weights_as_float() const;
    void logits(const float * const * rows, int32_t n, const std::vector<float> & weights, float * out) const;

    int32_t             n_classes_;
    int32_t             n_padded_;
    int32_t             width_;
    std::vector<double> weights_;
};

} // namespace magnet::eval
