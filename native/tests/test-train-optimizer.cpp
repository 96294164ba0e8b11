// AdamW and its schedule against closed forms.
#include "train/optimizer.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace magnet;
using namespace magnet::train;

TEST_CASE(
    "a constant gradient moves every value by lr a step, whatever its size, and decay shrinks it apart from that") {
    // m / (1 - beta1^t) = g and v / (1 - beta2^t) = g^2 exactly, so x_t = (1 - lr wd) x_{t-1} - lr g / (|g| + eps)
    optimizer_options o = train_options().optimizer;
    o.eps                  = 1e-8;
    o.weight_decay         = 0.1;
    const double        lr = 0.01;
    std::vector<float>  x = {1, -2, 0.5f, 3}, g = {1e-3f, -5, 40, 0}, m(4, 0.0f), v(4, 0.0f);
    std::vector<double> expected(x.begin(), x.end());
    for (int step = 1; step <= 50; ++step) {
        adamw_step({{x.data(), g.data(), m.data(), v.data(), 4}}, o, lr, 1.0, step);
        for (int i = 0; i < 4; ++i) {
            expected[i] = (1 - lr * o.weight_decay) * expected[i] - lr * g[i] / (std::fabs(double(g[i])) + o.eps);
            CHECK(x[i] == doctest::Approx(expected[i]).epsilon(1e-4));
        }
    }
}

TEST_CASE("moments follow their recurrences for a changing gradient") {
    optimizer_options o = train_options().optimizer;
    o.weight_decay = 0;
    float  x = 0.3f, g = 0, m = 0, v = 0;
    double dx = 0.3, dm = 0, dv = 0;
    for (int step = 1; step <= 30; ++step) {
        g = float(std::sin(step * 0.7));
        adamw_step({{&x, &g, &m, &v, 1}}, o, 1e-3, 0.5, step); // 0.5: as if clipped to half
        const double h = 0.5 * g;
        dm             = 0.9 * dm + 0.1 * h;
        dv             = 0.999 * dv + 0.001 * h * h;
        dx -= 1e-3 * (dm / (1 - std::pow(0.9, step))) / (std::sqrt(dv / (1 - std::pow(0.999, step))) + 1e-8);
        CHECK(x == doctest::Approx(dx).epsilon(1e-5));
    }
}

TEST_CASE("norm over all tensors") {
    float a[] = {3, 0}, b[] = {4}, none[2] = {};
    CHECK(gradient_norm({{none, a, none, none, 2}, {none, b, none, none, 1}}) == doctest::Approx(5));
}

TEST_CASE("warm-up, then the decay, ending at its share of lr") {
    optimizer_options o = train_options().optimizer;
    o.learning_rate     = 2;
    o.warmup = 4;
    o.learning_rate_end = 0.1;
    for (const int32_t decay : {MAGNET_LR_CONSTANT, MAGNET_LR_LINEAR, MAGNET_LR_COSINE}) {
        o.decay = decay;
        CHECK(learning_rate(o, 0, 24) == doctest::Approx(0.5));
        CHECK(learning_rate(o, 3, 24) == doctest::Approx(2));
        CHECK(learning_rate(o, 4, 24) == doctest::Approx(2));
        CHECK(learning_rate(o, 23, 24) == doctest::Approx(decay == MAGNET_LR_CONSTANT ? 2 : 0.2));
    }
    o.decay = MAGNET_LR_LINEAR;
    CHECK(learning_rate(o, 14, 25) == doctest::Approx(2 - 1.8 * 0.5));
    o.decay = MAGNET_LR_COSINE;
    CHECK(learning_rate(o, 14, 25) == doctest::Approx(2 - 1.8 * 0.5));                         // half way
    CHECK(learning_rate(o, 9, 25) == doctest::Approx(0.2 + 1.8 * 0.5 * (1 + std::sqrt(0.5)))); // a quarter
    o.warmup = 100;                                                                            // longer than the run
    CHECK(learning_rate(o, 9, 10) == doctest::Approx(0.2));
    o.warmup = 0;
    CHECK(learning_rate(o, 0, 1) == doctest::Approx(0.2)); // a run of one step is its own end
}
