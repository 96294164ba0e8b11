#include "objectives.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace magnet::train {

// ------------------------------------------------------------------------------------------------ MNTP, MSG

static double label_loss(const engine & e, const std::vector<row_label> & labels, const float * hidden, float weight,
                         float * d_hidden) {
    if (labels.empty()) {
        return 0.0;
    }
    std::vector<int32_t> at, target;
    for (const row_label & l : labels) {
        at.push_back(l.at);
        target.push_back(l.target);
    }
    const std::vector<float> weights(labels.size(), weight);
    std::vector<float>       nll(labels.size());
    e.cross_entropy(hidden, at.data(), target.data(), weights.data(), int32_t(labels.size()), nll.data(), d_hidden);
    double sum = 0.0;
    for (const float x : nll) {
        sum += x;
    }
    return sum;
}

double mntp_loss(const engine & e, const train_row & row, const float * hidden, float weight, float * d_hidden) {
    return label_loss(e, row.mntp, hidden, weight, d_hidden);
}

double msg_loss(const engine & e, const train_row & row, const float * hidden, float weight, float * d_hidden) {
    return label_loss(e, row.msg, hidden, weight, d_hidden);
}

double base_loss(const engine & e, const std::vector<float> & base, const float * hidden, float weight, float * d_hidden) {
    const int32_t            n = int32_t(base.size() / size_t(e.shape().n_embd));
    std::vector<float>       divergence(n);
    e.divergence(base.data(), hidden, weight, n, divergence.data(), d_hidden);
    double sum = 0.0;
    for (const float x : divergence) {
        sum += x;
    }
    return sum;
}

// ------------------------------------------------------------------------------------------------ pooling

// Calls use(t, weight) for every token that counts; the weights sum to 1.
template <typename F>
static void for_each_pooled(const train_row & row, int32_t pooling, const F & use) {
    if (pooling == MAGNET_POOLING_LAST) {
        use(row.n_tokens() - 1, 1.0f);
        return;
    }
    const int32_t n   = row.pool_end - row.pool_begin;
    const double  sum = pooling == MAGNET_POOLING_WEIGHTED_MEAN ? 0.5 * n * (n + 1.0) : n;
    for (int32_t i = 0; i < n; ++i) {
        use(row.pool_begin + i, float((pooling == MAGNET_POOLING_WEIGHTED_MEAN ? i + 1 : 1) / sum));
    }
}

void pool(const train_row & row, int32_t pooling, const float * hidden, int32_t n_embd, float * out) {
    std::fill_n(out, n_embd, 0.0f);
    for_each_pooled(row, pooling, [&](int32_t t, float weight) {
        for (int32_t i = 0; i < n_embd; ++i) {
            out[i] += weight * hidden[int64_t(t) * n_embd + i];
        }
    });
}

void pool_backward(const train_row & row, int32_t pooling, const float * d_out, int32_t n_embd, float * d_hidden) {
    for_each_pooled(row, pooling, [&](int32_t t, float weight) {
        for (int32_t i = 0; i < n_embd; ++i) {
            d_hidden[int64_t(t) * n_embd + i] += weight * d_out[i];
        }
    });
}

// ------------------------------------------------------------------------------------------------ SSCL

// Of the query q, whose answer is a: a candidate that is neither of them, nor paired with the query's text elsewhere.
static bool is_negative(const std::vector<uint64_t> & texts, int32_t n_pairs, int32_t q, int32_t a, int32_t c) {
    const auto    same    = [&](int32_t i, int32_t k) { return !texts.empty() && texts[i] == texts[k]; };
    const int32_t partner = c < n_pairs ? c + n_pairs : c - n_pairs; // a text paired with the query's own
    return c != a && !same(c, q) && !same(c, a) && !(c < 2 * n_pairs && same(partner, q));
}

bool has_negative(int32_t n_pairs, const std::vector<uint64_t> & texts, bool symmetric) {
    const auto among = [&](int32_t q, int32_t a, int32_t begin, int32_t end) {
        for (int32_t c = begin; c < end; ++c) {
            if (is_negative(texts, n_pairs, q, a, c)) {
                return true;
            }
        }
        return false;
    };
    for (int32_t i = 0; i < n_pairs; ++i) {
        if (among(i, n_pairs + i, n_pairs, int32_t(texts.size())) ||
            (symmetric && among(n_pairs + i, i, 0, n_pairs))) {
            return true;
        }
    }
    return false;
}

// One direction of InfoNCE: query q must find answer a among the candidates [begin, end). Returns its loss and adds
// weight * (softmax - one-hot) / temperature to the gradient of the cosines.
static double info_nce(const contrast_batch & b, const std::vector<double> & cosine, int32_t q, int32_t a,
                       int32_t begin, int32_t end, double temperature, double margin, double weight,
                       std::vector<double> & d_cosine) {
    const int32_t       n       = b.n_vectors();
    const double        nearest = cosine[int64_t(q) * n + a] + margin;
    std::vector<double> logit(size_t(end - begin), -std::numeric_limits<double>::infinity());
    double              max = logit[0];
    for (int32_t c = begin; c < end; ++c) {
        const bool too_near = c < 2 * b.n_pairs && cosine[int64_t(q) * n + c] > nearest;
        if (c == a || (!too_near && is_negative(b.texts, b.n_pairs, q, a, c))) {
            logit[c - begin] = cosine[int64_t(q) * n + c] / temperature;
            max              = std::max(max, logit[c - begin]);
        }
    }
    double sum = 0.0;
    for (const double x : logit) {
        sum += std::exp(x - max);
    }
    for (int32_t c = begin; c < end; ++c) {
        const double p = std::exp(logit[c - begin] - max) / sum;
        d_cosine[int64_t(q) * n + c] += weight / temperature * (p - (c == a ? 1.0 : 0.0));
    }
    return max + std::log(sum) - logit[a - begin];
}

static double dot(const double * a, const double * b, int32_t n) {
    double sum = 0.0;
    for (int32_t i = 0; i < n; ++i) {
        sum += a[i] * b[i];
    }
    return sum;
}

double sscl_loss(const contrast_batch & b, double temperature, bool symmetric, float weight,
                 std::vector<float> * d_vectors, double margin) {
    const int64_t       n = b.n_vectors(), n_queries = (symmetric ? 2 : 1) * b.n_pairs;
    const int32_t       d = b.n_embd;
    std::vector<double> unit(b.vectors.begin(), b.vectors.end()), norm(n); // unit is (n, D)
    for (int64_t i = 0; i < n; ++i) {
        norm[i] = std::sqrt(std::max(dot(&unit[i * d], &unit[i * d], d), 1e-24)); // a zero vector stays zero
        for (int32_t j = 0; j < d; ++j) {
            unit[i * d + j] /= norm[i];
        }
    }
    std::vector<double> cosine(n_queries * n), d_cosine(n_queries * n, 0.0); // (queries, n)
    for (int64_t i = 0; i < n_queries; ++i) {
        for (int64_t k = 0; k < n; ++k) {
            cosine[i * n + k] = dot(&unit[i * d], &unit[k * d], d);
        }
    }

    double       loss  = 0.0;
    const double share = double(weight) / double(n_queries);
    for (int32_t i = 0; i < b.n_pairs; ++i) {
        const int32_t positive = b.n_pairs + i;
        loss += info_nce(b, cosine, i, positive, b.n_pairs, int32_t(n), temperature, margin, share, d_cosine);
        if (symmetric) {
            loss += info_nce(b, cosine, positive, i, 0, b.n_pairs, temperature, margin, share, d_cosine);
        }
    }
    if (d_vectors) {
        std::vector<double> d_unit(unit.size(), 0.0);
        for (int64_t i = 0; i < n_queries; ++i) {
            for (int64_t k = 0; k < n; ++k) {
                const double g = d_cosine[i * n + k];
                for (int32_t j = 0; g != 0.0 && j < d; ++j) {
                    d_unit[i * d + j] += g * unit[k * d + j];
                    d_unit[k * d + j] += g * unit[i * d + j];
                }
            }
        }
        d_vectors->resize(unit.size());
        for (int64_t i = 0; i < n; ++i) { // through u = v / |v|: what points along u is lost
            const double along = dot(&d_unit[i * d], &unit[i * d], d);
            for (int32_t j = 0; j < d; ++j) {
                (*d_vectors)[i * d + j] = float((d_unit[i * d + j] - along * unit[i * d + j]) / norm[i]);
            }
        }
    }
    return loss / double(n_queries);
}

// The first n numbers of every vector.
static contrast_batch prefixes(const contrast_batch & b, int32_t n) {
    contrast_batch out = {b.n_pairs, n, {}, b.texts};
    for (int64_t i = 0; i < b.n_vectors(); ++i) {
        const auto begin = b.vectors.begin() + i * b.n_embd;
        out.vectors.insert(out.vectors.end(), begin, begin + n);
    }
    return out;
}

double contrast_loss(const contrast_batch & b, const pair_options & options, float weight, std::vector<float> * d_vectors) {
    const double share = 1.0 / double(options.dimensions.size() + 1);
    const auto   loss  = [&](const contrast_batch & batch, std::vector<float> * d) {
        return share * sscl_loss(batch, options.temperature, options.symmetric, float(share * weight), d, options.margin);
    };
    double             sum = loss(b, d_vectors);
    std::vector<float> d;
    for (const int32_t n : options.dimensions) {
        sum += loss(prefixes(b, n), d_vectors ? &d : nullptr);
        for (int64_t i = 0; d_vectors && i < b.n_vectors(); ++i) {
            for (int64_t k = 0; k < n; ++k) {
                (*d_vectors)[i * b.n_embd + k] += d[i * n + k];
            }
        }
    }
    return sum;
}

} // namespace magnet::train
