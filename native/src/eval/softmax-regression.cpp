#include "softmax-regression.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

namespace magnet::eval {

namespace {

constexpr int32_t block_rows = 8; // rows whose logits are accumulated at once
constexpr int32_t chunk_rows = 256;
constexpr int32_t n_slices   = 16; // sums are taken slice by slice, so that they do not depend on the threads

// Of that width on every machine: where registers are narrower, the compiler takes several.
using lane = float __attribute__((vector_size(lanes * sizeof(float))));

void load(lane & to, const float * from) {
    std::memcpy(&to, from, sizeof(to));
}

void store(float * to, const lane & from) {
    std::memcpy(to, &from, sizeof(from));
}

} // namespace

softmax_regression::softmax_regression(int32_t n_classes, int32_t width)
    : n_classes_(n_classes), n_padded_(padded(n_classes)), width_(width), weights_((size_t)width * (size_t)n_padded_) {}

std::vector<float> softmax_regression::weights_as_float() const {
    return {weights_.begin(), weights_.end()};
}

// out [n, n_padded], n <= block_rows
void softmax_regression::logits(const float * const * rows, int32_t n, const std::vector<float> & weights,
                                float * out) const {
    const float * block[block_rows];
    for (int32_t r = 0; r < block_rows; ++r) {
        block[r] = rows[std::min(r, n - 1)];
    }
    for (int32_t c = 0; c < n_padded_; c += lanes) {
        lane sums[block_rows] = {};
        for (int32_t d = 0; d < width_; ++d) {
            lane w;
            load(w, weights.data() + (size_t)d * n_padded_ + c);
            for (int32_t r = 0; r < block_rows; ++r) {
                sums[r] += block[r][d] * w;
            }
        }
        for (int32_t r = 0; r < n; ++r) {
            store(out + (size_t)r * n_padded_ + c, sums[r]);
        }
    }
}

namespace {

// Rows [begin, end) of slice s.
void slice_of(size_t n_rows, int32_t s, size_t & begin, size_t & end) {
    begin = n_rows * (size_t)s / n_slices;
    end   = n_rows * (size_t)(s + 1) / n_slices;
}

// sum [width, n_padded] += X^T E for n rows of features and of errors [n, n_padded].
void add_products(const float * const * rows, const float * errors, int32_t n, int32_t width, int32_t n_padded,
                  float * sum) {
    constexpr int32_t features = 8; // of which 16 classes are held in registers
    for (int32_t d = 0; d < width; d += features) {
        for (int32_t c = 0; c < n_padded; c += lanes) {
            lane sums[features] = {};
            for (int32_t r = 0; r < n; ++r) {
                const float * x = rows[r] + d;
                lane          e;
                load(e, errors + (size_t)r * n_padded + c);
                for (int32_t f = 0; f < features; ++f) {
                    sums[f] += x[f] * e;
                }
            }
            for (int32_t f = 0; f < features; ++f) {
                float * to = sum + (size_t)(d + f) * n_padded + c;
                lane    before;
                load(before, to);
                store(to, before + sums[f]);
            }
        }
    }
}

// Turns logits into p - [class = label] and returns -log p(label). What is behind n_classes becomes 0.
double softmax_error(float * logits, int32_t n_classes, int32_t n_padded, int32_t label) {
    const float  top = *std::max_element(logits, logits + n_classes);
    double       sum = 0.0;
    const double own = logits[label] - top;
    for (int32_t c = 0; c < n_classes; ++c) {
        logits[c] = std::exp(logits[c] - top);
        sum += logits[c];
    }
    for (int32_t c = 0; c < n_classes; ++c) {
        logits[c] = (float)(logits[c] / sum);
    }
    logits[label] -= 1.0f;
    std::fill(logits + n_classes, logits + n_padded, 0.0f);
    return std::log(sum) - own;
}

double dot(const std::vector<double> & a, const std::vector<double> & b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// a += scale * b
void add(std::vector<double> & a, double scale, const std::vector<double> & b) {
    for (size_t i = 0; i < a.size(); ++i) {
        a[i] += scale * b[i];
    }
}

} // namespace

double softmax_regression::loss(const labelled_rows & data, double l2, thread_pool & pool,
                                std::vector<double> & gradient) const {
    const std::vector<float>        weights = weights_as_float();
    const size_t                    n_rows  = data.rows.size();
    std::vector<std::vector<float>> sums(n_slices);
    std::vector<double>             losses(n_slices);

    parallel_for(pool, n_slices, [&](int32_t s) {
        sums[s].resize(weights_.size());
        std::vector<const float *> rows(chunk_rows);
        std::vector<float>         errors((size_t)chunk_rows * n_padded_);
        size_t                     begin, end;
        slice_of(n_rows, s, begin, end);
        for (size_t first = begin; first < end; first += chunk_rows) {
            const int32_t n = (int32_t)std::min<size_t>(chunk_rows, end - first);
            for (int32_t r = 0; r < n; ++r) {
                rows[r] = data.features->row(data.rows[first + r]);
            }
            for (int32_t r = 0; r < n; r += block_rows) {
                logits(rows.data() + r, std::min(block_rows, n - r), weights, errors.data() + (size_t)r * n_padded_);
            }
            for (int32_t r = 0; r < n; ++r) {
                losses[s] +=
                    softmax_error(errors.data() + (size_t)r * n_padded_, n_classes_, n_padded_, data.labels[first + r]);
            }
            add_products(rows.data(), errors.data(), n, width_, n_padded_, sums[s].data());
        }
    });

    double sum = 0.0;
    gradient.assign(weights_.size(), 0.0);
    for (int32_t s = 0; s < n_slices; ++s) {
        sum += losses[s];
        for (size_t i = 0; i < gradient.size(); ++i) {
            gradient[i] += sums[s][i];
        }
    }
    sum /= (double)n_rows;
    const size_t n_penalised = index(data.features->n_features(), 0); // what follows are the biases
    for (size_t i = 0; i < gradient.size(); ++i) {
        gradient[i] /= (double)n_rows;
        if (i < n_penalised) {
            sum += 0.5 * l2 * weights_[i] * weights_[i];
            gradient[i] += l2 * weights_[i];
        }
    }
    return sum;
}

int32_t softmax_regression::fit(const labelled_rows & data, double l2, thread_pool & pool,
                                const fit_limits & limits) {
    constexpr size_t memory = 10; // steps that the curvature is estimated from

    struct pair {
        std::vector<double> step, change; // of the weights, of the gradient
        double              curvature;    // their product, > 0
    };
    std::vector<pair>   history;
    std::vector<double> gradient, next_gradient;
    double              f = loss(data, l2, pool, gradient);

    for (int32_t iteration = 0; iteration < limits.iterations; ++iteration) {
        const double largest = std::fabs(*std::max_element(
            gradient.begin(), gradient.end(), [](double a, double b) { return std::fabs(a) < std::fabs(b); }));
        if (largest <= limits.gradient) {
            return iteration;
        }

        // two-loop recursion
        std::vector<double> direction = gradient, factors(history.size());
        for (size_t i = history.size(); i-- > 0;) {
            factors[i] = dot(history[i].step, direction) / history[i].curvature;
            add(direction, -factors[i], history[i].change);
        }
        const double first_scale = 1.0 / std::max(1.0, std::sqrt(dot(gradient, gradient)));
        const double scale       = history.empty()
                                       ? first_scale
                                       : history.back().curvature / dot(history.back().change, history.back().change);
        for (double & d : direction) {
            d *= -scale;
        }
        for (size_t i = 0; i < history.size(); ++i) {
            add(direction, -factors[i] - dot(history[i].change, direction) / history[i].curvature, history[i].step);
        }

        const double slope = dot(gradient, direction);
        const auto   start = weights_;
        double       step = 1.0, next = 0.0;
        const auto   enough = [&] { return next <= f + 1e-4 * step * slope; }; // Armijo
        for (int32_t tries = 0; tries < 20; ++tries, step *= 0.5) {
            weights_ = start;
            add(weights_, step, direction);
            next = loss(data, l2, pool, next_gradient);
            if (enough()) {
                break;
            }
        }
        if (!enough()) { // no better point in sight: as good as the arithmetic allows
            weights_ = start;
            return iteration;
        }

        pair p = {weights_, next_gradient, 0.0};
        add(p.step, -1.0, start);
        add(p.change, -1.0, gradient);
        p.curvature = dot(p.step, p.change);
        if (p.curvature > 0.0) {
            if (history.size() == memory) {
                history.erase(history.begin());
            }
            history.push_back(std::move(p));
        }
        gradient.swap(next_gradient);
        f = next;
    }
    return limits.iterations;
}

std::vector<int32_t> softmax_regression::predict(const labelled_rows & data, thread_pool & pool) const {
    const std::vector<float> weights = weights_as_float();
    std::vector<int32_t>     classes(data.rows.size());
    parallel_for(pool, n_slices, [&](int32_t s) {
        std::vector<float> out((size_t)block_rows * n_padded_);
        size_t             begin, end;
        slice_of(data.rows.size(), s, begin, end);
        for (size_t first = begin; first < end; first += block_rows) {
            const int32_t n = (int32_t)std::min<size_t>(block_rows, end - first);
            const float * rows[block_rows];
            for (int32_t r = 0; r < n; ++r) {
                rows[r] = data.features->row(data.rows[first + r]);
            }
            logits(rows, n, weights, out.data());
            for (int32_t r = 0; r < n; ++r) {
                const float * own  = out.data() + (size_t)r * n_padded_;
                classes[first + r] = (int32_t)(std::max_element(own, own + n_classes_) - own);
            }
        }
    });
    return classes;
}

} // namespace magnet::eval
