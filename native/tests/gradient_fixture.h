// What tests of LoRA gradients share: a loss, one step of an engine, finite differences.
#pragma once

#include "engine_fixture.h"

#include <doctest/doctest.h>

namespace magnet::testing {

// A loss that couples neither rows nor tokens but is not linear: sum over t, c of g h + h^2 / 4.
template <class H, class G>
double loss_of(const H & hidden, const G & g) {
    double sum = 0.0;
    for (size_t i = 0; i < g.size(); ++i) {
        sum += g[i] * double(hidden[i]) + 0.25 * double(hidden[i]) * hidden[i];
    }
    return sum;
}

inline std::vector<std::vector<float>> random_coefficients(const std::vector<owned_row> & rows, int32_t n_embd) {
    std::mt19937                    random(77);
    std::normal_distribution<float> normal;
    std::vector<std::vector<float>> all;
    for (const owned_row & row : rows) {
        all.emplace_back(row.tokens.size() * n_embd);
        for (float & v : all.back()) {
            v = normal(random);
        }
    }
    return all;
}

// Wide enough for the products to run through the kernels' blocks, not only through their edges.
inline tiny_model_params wide_model() {
    tiny_model_params p;
    p.n_embd    = 128;
    p.n_head    = 4;
    p.n_head_kv = 2;
    p.head_dim  = p.n_rot = 32;
    p.n_ff      = 256;
    p.n_layer   = 4;
    return p;
}

inline tiny_model_params with_experts(tiny_model_params p, int32_t n, int32_t used) {
    p.n_expert      = n;
    p.n_expert_used = used;
    return p;
}

// |a - b| / |b|
template <class A, class B>
double distance(const A & a, const B & b) {
    double difference = 0.0, size = 0.0;
    for (size_t i = 0; i < b.size(); ++i) {
        difference += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
        size += double(b[i]) * b[i];
    }
    return std::sqrt(difference / size);
}

struct trained {
    double   loss = 0.0;
    lora_set gradient;
};

inline trained train_once(engine & e, const std::vector<owned_row> & rows, const std::vector<const lora_set *> & sets,
                   const engine_dropout & dropout = {}) {
    trained result;
    e.set_lora(sets);
    result.gradient         = zeros_like(*sets[0]);
    const auto          g   = random_coefficients(rows, e.shape().n_embd);
    std::vector<double> losses(rows.size());
    e.train(
        views(rows),
        [&](int32_t row, const float * hidden, float * d_hidden) {
            losses[row] = loss_of(hidden, g[row]);
            for (size_t i = 0; i < g[row].size(); ++i) {
                d_hidden[i] += g[row][i] + 0.5f * hidden[i];
            }
        },
        dropout, result.gradient);
    for (const double l : losses) {
        result.loss += l;
    }
    return result;
}

// Central difference of loss() with respect to one weight of the adapter.
template <class Loss>
double difference(float & weight, float step, Loss && loss) {
    const float  was   = weight;
    const float  above = was + step;
    const float  below = was - step;
    weight             = above;
    const double up    = loss();
    weight             = below;
    const double down  = loss();
    weight             = was;
    return (up - down) / (double(above) - double(below));
}

// Compares `samples` entries of A and of B of every matrix with finite differences; tolerance relative to the largest
// gradient of the matrix.
template <class Loss>
void check_gradient(lora_set & set, const lora_set & gradient, int32_t samples, float step, double tolerance,
                    Loss && loss) {
    std::mt19937 random(5);
    for (size_t m = 0; m < set.matrices.size(); ++m) {
        CAPTURE(set.matrices[m].target);
        for (const bool is_a : { true, false }) {
            std::vector<float> &       w = is_a ? set.matrices[m].a : set.matrices[m].b;
            const std::vector<float> & g = is_a ? gradient.matrices[m].a : gradient.matrices[m].b;
            double                     largest = 0.0;
            for (const float v : g) {
                largest = std::max(largest, std::fabs(double(v)));
            }
            CHECK(largest > 0.0);
            for (int32_t s = 0; s < samples; ++s) {
                const size_t i        = random() % w.size();
                const double expected = difference(w[i], step, loss);
                CAPTURE(is_a);
                CAPTURE(i);
                CHECK(std::fabs(g[i] - expected) < tolerance * largest);
            }
        }
    }
}

inline void check_equal(const lora_set & a, const lora_set & b) {
    for (size_t m = 0; m < a.matrices.size(); ++m) {
        CHECK(a.matrices[m].a == b.matrices[m].a);
        CHECK(a.matrices[m].b == b.matrices[m].b);
    }
}

} // namespace magnet::testing
