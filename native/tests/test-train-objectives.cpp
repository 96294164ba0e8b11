// Losses, pooling and the gradient of a step, against finite differences.
#include "magnet-mask.h"
#include "toy_engine.h"
#include "train/lora.h"
#include "train/objectives.h"
#include "train/step.h"

#include <doctest/doctest.h>

#include <numeric>

using namespace magnet;
using namespace magnet::train;
using namespace magnet::testing;

namespace {

std::vector<float> random_floats(size_t n, uint64_t seed) {
    rng                r(seed, draw::heldout);
    std::vector<float> v(n);
    for (float & x : v) {
        x = float(2 * r.uniform() - 1);
    }
    return v;
}

// Central difference of f in x[i].
template <typename F>
double slope(std::vector<float> & x, size_t i, double step, const F & f) {
    const float at  = x[i];
    x[i]            = float(at + step);
    const double up = f(), right = x[i];
    x[i]              = float(at - step);
    const double down = f(), left = x[i];
    x[i] = at;
    return (up - down) / (right - left);
}

contrast_batch random_contrast(int32_t n_pairs, int32_t n_negatives, int32_t d, uint64_t seed) {
    contrast_batch b;
    b.n_pairs = n_pairs;
    b.n_embd  = d;
    b.vectors = random_floats(size_t(2 * n_pairs + n_negatives) * d, seed);
    return b;
}

} // namespace

TEST_CASE("InfoNCE of known vectors") {
    // two pairs on two axes: the cosine matrix is the identity
    contrast_batch b{2, 2, {1, 0, 0, 3, 5, 0, 0, 2}, {}};
    const double   t = 0.5, one = std::log(1 + std::exp(-1 / t));
    CHECK(sscl_loss(b, t, true, 1, nullptr) == doctest::Approx(one));
    // a hard negative equal in direction to the first anchor: only the anchors' direction sees it
    b.vectors.insert(b.vectors.end(), {7, 0});
    const double first = std::log(2 + std::exp(-1 / t)), second = std::log(1 + 2 * std::exp(-1 / t));
    CHECK(sscl_loss(b, t, true, 1, nullptr) == doctest::Approx((first + second + 2 * one) / 4));
    // ... unless its text is the first anchor's own
    b.texts = {10, 20, 30, 40, 10};
    CHECK(sscl_loss(b, t, true, 1, nullptr) == doctest::Approx((one + second + 2 * one) / 4));
    // both anchors one text: neither positive is a negative for the other, nor either anchor; the second anchor still
    // has the hard negative left if that differs
    b.texts = {10, 10, 30, 40, 50};
    CHECK(sscl_loss(b, t, true, 1, nullptr) == doctest::Approx((std::log(2.0) + one) / 4));
}

TEST_CASE("gradient of InfoNCE") {
    for (const auto & how : {std::pair(false, true), std::pair(true, true), std::pair(false, false)}) {
        const bool     repeated = how.first, symmetric = how.second;
        contrast_batch b = random_contrast(4, 3, 6, 11);
        if (repeated) {
            b.texts = {1, 2, 1, 4, 5, 6, 7, 8, 9, 2, 11};
        }
        std::vector<float> gradient;
        const double       weight = 0.7;
        sscl_loss(b, 0.3, symmetric, float(weight), &gradient);
        REQUIRE(gradient.size() == b.vectors.size());
        for (size_t i = 0; i < b.vectors.size(); ++i) {
            const double expected =
                weight * slope(b.vectors, i, 1e-3, [&] { return sscl_loss(b, 0.3, symmetric, 1, nullptr); });
            CHECK(gradient[i] == doctest::Approx(expected).epsilon(1e-3).scale(0.01));
        }
    }
}

TEST_CASE("a text of another pair that is too near to the query is no negative, a hard negative always is") {
    const double t = 0.5;
    // two pairs at angles: the first anchor is nearer to the second positive than to its own
    contrast_batch b{2, 2, {1, 0, 0, 1, 0.6f, 0.8f, 0.9f, float(std::sqrt(0.19))}, {}};
    const double   all = sscl_loss(b, t, false, 1, nullptr);
    const auto     nce = [&](double own, std::vector<double> others) {
        double sum = std::exp(own / t);
        for (const double x : others) {
            sum += std::exp(x / t);
        }
        return std::log(sum) - own / t;
    };
    const double own2 = std::sqrt(0.19);
    CHECK(all == doctest::Approx((nce(0.6, {0.9}) + nce(own2, {0.8})) / 2));
    CHECK(sscl_loss(b, t, false, 1, nullptr, 0.4) == doctest::Approx(all));                // 0.3 and 0.36 nearer
    CHECK(sscl_loss(b, t, false, 1, nullptr, 0.33) == doctest::Approx(nce(0.6, {0.9}) / 2)); // the second has none left
    CHECK(sscl_loss(b, t, false, 1, nullptr, 0.1) == doctest::Approx(0).scale(1));
    b.vectors.insert(b.vectors.end(), {1, 0}); // the first anchor's very direction, as a hard negative
    CHECK(sscl_loss(b, t, false, 1, nullptr, 0.1) == doctest::Approx((nce(0.6, {1.0}) + nce(own2, {0.0})) / 2));
}

TEST_CASE("with dimensions the loss is the mean over prefixes of the vectors, and so is its gradient") {
    pair_options o;
    o.temperature = 0.4f;
    o.symmetric   = true;
    o.margin      = 0.9f;
    o.dimensions  = {2, 5};
    contrast_batch b = random_contrast(4, 2, 7, 21);
    double         expected = 0;
    for (const int32_t n : {2, 5, 7}) {
        contrast_batch cut{4, n, {}, {}};
        for (int32_t i = 0; i < 10; ++i) {
            for (int32_t k = 0; k < n; ++k) {
                cut.vectors.push_back(b.vectors[size_t(i) * 7 + k]);
            }
        }
        expected += sscl_loss(cut, o.temperature, true, 1, nullptr, o.margin) / 3;
    }
    CHECK(contrast_loss(b, o, 1, nullptr) == doctest::Approx(expected));
    std::vector<float> gradient;
    contrast_loss(b, o, 0.7f, &gradient);
    REQUIRE(gradient.size() == b.vectors.size());
    for (size_t i = 0; i < b.vectors.size(); ++i) {
        const double slope_here = slope(b.vectors, i, 1e-3, [&] { return contrast_loss(b, o, 1, nullptr); });
        CHECK(gradient[i] == doctest::Approx(0.7 * slope_here).epsilon(1e-3).scale(0.01));
    }
}

TEST_CASE("pooling and its gradient") {
    train_row row;
    row.tokens.assign(6, 0);
    row.pool_begin            = 2;
    row.pool_end              = 5;
    std::vector<float> hidden = random_floats(6 * 3, 5);
    const auto         h      = [&](int t, int i) { return double(hidden[t * 3 + i]); };
    std::vector<float> d_out  = random_floats(3, 6);
    const auto         pooled = [&](int32_t pooling) {
        std::vector<float> out(3);
        pool(row, pooling, hidden.data(), 3, out.data());
        return out;
    };
    for (int i = 0; i < 3; ++i) {
        CHECK(pooled(MAGNET_POOLING_LAST)[i] == hidden[5 * 3 + i]);
        CHECK(pooled(MAGNET_POOLING_MEAN)[i] == doctest::Approx((h(2, i) + h(3, i) + h(4, i)) / 3));
        CHECK(pooled(MAGNET_POOLING_WEIGHTED_MEAN)[i] == doctest::Approx((h(2, i) + 2 * h(3, i) + 3 * h(4, i)) / 6));
    }
    for (const int32_t pooling : {MAGNET_POOLING_LAST, MAGNET_POOLING_MEAN, MAGNET_POOLING_WEIGHTED_MEAN}) {
        std::vector<float> d_hidden(hidden.size(), 0.0f);
        pool_backward(row, pooling, d_out.data(), 3, d_hidden.data());
        for (size_t i = 0; i < hidden.size(); ++i) {
            const double expected = slope(hidden, i, 0.5, [&] {
                const auto out = pooled(pooling);
                return double(out[0]) * d_out[0] + double(out[1]) * d_out[1] + double(out[2]) * d_out[2];
            });
            CHECK(d_hidden[i] == doctest::Approx(expected).epsilon(1e-4).scale(1));
        }
    }
}

TEST_CASE("gradient of the projection head") {
    projection         p = make_projection(5, 4, 3);
    std::vector<float> v = random_floats(3 * 5, 1), g = random_floats(3 * 4, 2);
    p.b                  = random_floats(4, 4);
    const auto objective = [&] {
        const std::vector<float> z = project(p, v);
        return std::inner_product(z.begin(), z.end(), g.begin(), 0.0);
    };
    projection d_p = p;
    std::fill(d_p.w.begin(), d_p.w.end(), 0.0f);
    std::fill(d_p.b.begin(), d_p.b.end(), 0.0f);
    const std::vector<float> d_v = project_backward(p, v, project(p, v), g, d_p);
    const auto               all = [&](std::vector<float> & x, const std::vector<float> & d) {
        for (size_t i = 0; i < x.size(); ++i) {
            CHECK(d[i] == doctest::Approx(slope(x, i, 1e-2, objective)).epsilon(2e-3).scale(0.1));
        }
    };
    all(v, d_v);
    all(p.w, d_p.w);
    all(p.b, d_p.b);
}

// ------------------------------------------------------------------------------------------------ a whole step

namespace {

const int32_t V = 23, D = 6;

train_vocab numbers_vocab() {
    train_vocab v;
    v.tokenize = [](const std::string & text, bool) { return std::vector<int32_t>(text.size() ? 2 : 0, 3); };
    v.bos      = 0;
    v.eos      = 1;
    v.mask     = 2;
    v.end      = 1;
    v.plain.resize(V - 4);
    std::iota(v.plain.begin(), v.plain.end(), 4);
    return v;
}

corpus random_corpus(uint64_t seed) {
    corpus c;
    rng    r(seed, draw::heldout);
    for (int i = 0; i < 12; ++i) {
        text_document d;
        for (int k = 0; k < 30; ++k) {
            if (k % 6 == 0) {
                d.sentences.push_back(k);
            }
            d.tokens.push_back(int32_t(4 + r.below(V - 4)));
        }
        c.documents.push_back(d);
        text_pair p;
        for (int k = 0; k < 5; ++k) {
            p.anchor.push_back(int32_t(4 + r.below(V - 4)));
            p.positive.push_back(int32_t(4 + r.below(V - 4)));
            if (i % 2) {
                p.negative.push_back(int32_t(4 + r.below(V - 4)));
            }
        }
        c.pairs.push_back(p);
    }
    return c;
}

train_options small_options() {
    train_options o;
    o.rows.batch           = 5;
    o.rows.length          = 24;
    o.rows.span_min        = 2;
    o.rows.span_max        = 4;
    o.rows.open_room       = 7;
    o.contrast.batch       = 4;
    o.contrast.temperature = 0.5;
    o.lora.rank            = 2;
    o.lora.alpha           = 3;
    o.lora.targets         = {"q", "v"};
    return o;
}

} // namespace

TEST_CASE("gradient of each objective, and of all together, through the engine") {
    const corpus      data  = random_corpus(1);
    const train_vocab vocab = numbers_vocab();
    for (const int32_t pooling : {MAGNET_POOLING_LAST, MAGNET_POOLING_MEAN}) {
        for (const int32_t projection_width : {0, 4}) {
            train_options o       = small_options();
            o.rows.share_causal   = 0.5; // with a row that keeps the base and one that does not
            o.rows.keep_base      = 0.5;
            o.contrast.pooling    = pooling;
            o.contrast.projection = projection_width;
            o.contrast.dimensions = projection_width > 0 ? std::vector<int32_t>() : std::vector<int32_t>{2, 3};
            for (const train_stage & weights :
                 std::vector<train_stage>{{1, 1, 0, 0}, {1, 0, 1, 0}, {1, 0, 0, 1}, {1, 0.7, 1.3, 0.4}}) {
                toy_engine                     e(V, D);
                batch_source                   source(data, o, vocab);
                const std::vector<micro_batch> batches = {source.next(weights), source.next(weights)};
                trained_numbers                numbers;
                numbers.lora = make_lora(select_targets(e.targets(), o.lora.targets), o.lora.rank, o.lora.alpha, 1);
                for (lora_matrix & m : numbers.lora.matrices) {
                    m.b = random_floats(m.b.size(), 3); // zero would hide the gradient of A
                }
                if (projection_width > 0) {
                    numbers.head = make_projection(D, projection_width, 1);
                }
                trained_numbers gradient, ignored;
                e.set_lora({&numbers.lora});
                const step_losses losses = compute_gradient(e, batches, weights, o, numbers, 0, gradient);
                CHECK(std::isnan(losses.mntp) == (weights.mntp == 0));
                CHECK(std::isnan(losses.sscl) == (weights.sscl == 0));
                CHECK(std::isnan(losses.msg) == (weights.msg == 0));
                CHECK(std::isnan(losses.base) == (weights.msg == 0));

                const auto loss = [&] {
                    e.set_lora({&numbers.lora});
                    return compute_gradient(e, batches, weights, o, numbers, 0, ignored).total;
                };
                double     squares = 0, wrong = 0;
                const auto compare = [&](std::vector<float> & x, const std::vector<float> & g) {
                    for (size_t i = 0; i < x.size(); ++i) {
                        const double expected = slope(x, i, 4e-3, loss);
                        squares += expected * expected;
                        wrong += (g[i] - expected) * (g[i] - expected);
                    }
                };
                for (size_t k = 0; k < numbers.lora.matrices.size(); ++k) {
                    compare(numbers.lora.matrices[k].a, gradient.lora.matrices[k].a);
                    compare(numbers.lora.matrices[k].b, gradient.lora.matrices[k].b);
                }
                if (projection_width > 0) {
                    compare(numbers.head.w, gradient.head.w);
                    compare(numbers.head.b, gradient.head.b);
                }
                CHECK(squares > 1e-4); // there was a gradient to compare
                CHECK(std::sqrt(wrong / squares) < 2e-3);
            }
        }
    }
}

TEST_CASE("rows that keep the base learn its predictions, each token with the weight of one of the text") {
    const corpus      data  = random_corpus(3);
    const train_vocab vocab = numbers_vocab();
    train_options     o     = small_options();
    o.rows.batch            = 6;
    o.rows.share_hybrid = o.rows.share_ordered = 0.5;
    o.rows.share_causal                        = 2;
    o.rows.keep_base                           = 0.5;
    toy_engine        e(V, D);
    batch_source      source(data, o, vocab);
    const train_stage stage = {1, 0, 0, 0.7f};
    trained_numbers   numbers, gradient;
    numbers.lora = make_lora(select_targets(e.targets(), o.lora.targets), o.lora.rank, o.lora.alpha, 1);
    for (lora_matrix & m : numbers.lora.matrices) {
        m.b = random_floats(m.b.size(), 5);
    }
    e.set_lora({&numbers.lora});
    const std::vector<micro_batch> batches = {source.next(stage), source.next(stage)};
    const step_losses              losses  = compute_gradient(e, batches, stage, o, numbers, 0, gradient);

    double     base = 0, msg = 0, n_base = 0, n_msg = 0;
    const auto predicted = [&](const train_row & row, bool adapted) { // log-probabilities [T, V]
        adapted ? e.set_lora({&numbers.lora}) : e.set_lora({});
        std::vector<float> hidden(size_t(row.n_tokens()) * D), logits(size_t(row.n_tokens()) * V);
        e.forward({row.view()}, {hidden.data()});
        e.logits(hidden.data(), row.n_tokens(), logits.data());
        std::vector<double> out(logits.begin(), logits.end());
        for (size_t t = 0; t < out.size(); t += V) {
            double sum = 0;
            for (int k = 0; k < V; ++k) {
                sum += std::exp(out[t + k]);
            }
            for (int k = 0; k < V; ++k) {
                out[t + k] -= std::log(sum);
            }
        }
        return out;
    };
    for (const micro_batch & b : batches) {
        for (const train_row & row : b.rows) {
            const std::vector<double> p = predicted(row, false), q = predicted(row, true);
            CHECK((row.keeps_base ? row.msg.empty() && row.mode == row_mode::causal : !row.msg.empty()));
            for (const row_label & l : row.msg) {
                msg -= q[size_t(l.at) * V + l.target];
            }
            n_msg += double(row.msg.size());
            for (size_t i = 0; row.keeps_base && i < p.size(); ++i) {
                base += std::exp(p[i]) * (p[i] - q[i]);
            }
            n_base += row.keeps_base ? row.n_tokens() : 0;
        }
    }
    CHECK(n_base > 0);
    CHECK(losses.base == doctest::Approx(base / n_base).epsilon(1e-5));
    CHECK(losses.msg == doctest::Approx(msg / n_msg).epsilon(1e-5));
    CHECK(losses.total == doctest::Approx(0.7 * (base + msg) / (n_base + n_msg)).epsilon(1e-5));
}

TEST_CASE("micro-batches add up: MNTP and MSG are means over all labels, SSCL over batches") {
    const corpus      data  = random_corpus(2);
    const train_vocab vocab = numbers_vocab();
    train_options     o     = small_options();
    toy_engine        e(V, D);
    batch_source      source(data, o, vocab);
    const train_stage all = {1, 1, 1, 1};
    trained_numbers   numbers, gradient;
    numbers.lora = make_lora(select_targets(e.targets(), o.lora.targets), o.lora.rank, o.lora.alpha, 1);
    e.set_lora({&numbers.lora});
    const micro_batch a = source.next(all), b = source.next(all);
    const auto        n_msg = [](const micro_batch & m) {
        double n = 0;
        for (const train_row & row : m.rows) {
            n += double(row.msg.size());
        }
        return n;
    };
    const step_losses la   = compute_gradient(e, {a}, all, o, numbers, 0, gradient);
    const step_losses lb   = compute_gradient(e, {b}, all, o, numbers, 0, gradient);
    const step_losses both = compute_gradient(e, {a, b}, all, o, numbers, 0, gradient);
    CHECK(both.msg == doctest::Approx((la.msg * n_msg(a) + lb.msg * n_msg(b)) / (n_msg(a) + n_msg(b))));
    CHECK(both.sscl == doctest::Approx((la.sscl + lb.sscl) / 2));
    CHECK(both.n_tokens == la.n_tokens + lb.n_tokens);
    CHECK(both.total == doctest::Approx(both.mntp + both.sscl + both.msg));
}
