// Products of packed quantised matrices by every kernel set, against double loops over what ggml makes of the same rows.
#include "engine_fixture.h"

#include "engine/fused/fused-engine.h"
#include "engine/fused/kernel-choice.h"
#include "engine/fused/quantised-matrix.h"

#include "ggml.h"

#include <doctest/doctest.h>

#include <numeric>
#include <random>

using namespace magnet;
using namespace magnet::fused;
using namespace magnet::testing;

namespace {

std::mt19937 random_bits(7);

struct vectors { // quantised by a kernel set
    std::vector<float>           values; // [n, n_in]
    std::vector<int8_t>          integers;
    std::vector<quantised_scale> scales;
    quantised_rows               rows;

    vectors(int32_t n, int32_t n_in, const kernel_table<float> & kernels)
        : values(int64_t(n) * n_in), integers(values.size()), scales(values.size() / 32) {
        std::normal_distribution<float> normal;
        for (int64_t i = 0; i < int64_t(values.size()); ++i) {
            values[i] = i / 32 % 5 == 3 ? 0.0f : normal(random_bits) * (i % 71 == 0 ? 20.0f : 1.0f); // blocks of zeros too
        }
        for (int32_t r = 0; r < n; ++r) {
            kernels.quantise(values.data() + int64_t(r) * n_in, n_in, integers.data() + int64_t(r) * n_in,
                             scales.data() + int64_t(r) * n_in / 32);
        }
        rows = { n, integers.data(), n_in, scales.data(), n_in / 32 };
    }
    double at(int32_t row, int32_t c) const {
        return double(scales[(row * rows.ld + c) / 32].scale) * integers[row * rows.ld + c];
    }
};

void test_format(const kernel_set & set, ggml_type type) {
    const kernel_table<float> & kernels = *set.f32_table;
    const int32_t               n_in = 512, n_out = 77;
    std::normal_distribution<float> normal(0.01f, 0.05f);
    std::vector<float>              plain(int64_t(n_out) * n_in), widened(plain.size());
    for (float & x : plain) {
        x = normal(random_bits);
    }
    const size_t         row_bytes = ggml_row_size(type, n_in);
    std::vector<uint8_t> stored(row_bytes * n_out);
    ggml_quantize_chunk(type, plain.data(), stored.data(), 0, n_out, n_in, nullptr);
    ggml_get_type_traits(type)->to_float(stored.data(), widened.data(), int64_t(widened.size()));

    std::vector<int32_t> order(n_out);
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random_bits);
    quantised_matrix packed(quantised_format_of(type).value(), n_in, n_out);
    for (int32_t j = 0; j < packed.n_panels(); ++j) {
        packed.pack(j, stored.data(), int64_t(row_bytes), order);
    }
    for (const int32_t n : { 1, 2, 3, 7, 8, 13, 21 }) {
        const vectors       x(n, n_in, kernels);
        std::vector<double> expected;
        std::vector<float>  got;
        for (int32_t j = 0; j < packed.n_panels(); ++j) {
            std::vector<float> tile(int64_t(n) * panel_width);
            kernels.quantised_product(packed.panel(j), x.rows, tile.data(), panel_width);
            for (int32_t i = 0; i < n; ++i) {
                for (int32_t c = 0; c < std::min(panel_width, n_out - j * panel_width); ++c) {
                    const float * w   = widened.data() + int64_t(order[j * panel_width + c]) * n_in;
                    double        sum = 0.0;
                    for (int32_t k = 0; k < n_in; ++k) {
                        sum += w[k] * x.at(i, k);
                    }
                    expected.push_back(sum);
                    got.push_back(tile[i * panel_width + c]);
                }
            }
        }
        CAPTURE(n);
        CHECK(relative_error(got, expected) < 1e-5);
    }
}

} // namespace

TEST_CASE("a vector in 8 bits is off by half a step at most") {
    for (const std::string & name : fused_engine_kernels()) {
        CAPTURE(name);
        const vectors x(3, 256, *choose_kernels(name).f32_table);
        for (int32_t i = 0; i < 3 * 256; ++i) {
            const quantised_scale & s = x.scales[i / 32];
            CHECK(std::abs(x.at(0, i) - double(x.values[i])) <= 0.5001 * s.scale);
        }
        for (size_t b = 0; b < x.scales.size(); ++b) {
            double low = 0.0, high = 0.0;
            for (size_t i = 0; i < 16; ++i) {
                low += x.integers[b * 32 + i];
                high += x.integers[b * 32 + 16 + i];
            }
            const quantised_scale & s = x.scales[b];
            CHECK(s.sum_low == doctest::Approx(low * s.scale));
            CHECK(s.sum_high == doctest::Approx(high * s.scale));
            CHECK(s.sum == doctest::Approx((low + high) * s.scale).epsilon(1e-4));
        }
    }
}

TEST_CASE("products of packed quantised rows") {
    for (const std::string & name : fused_engine_kernels()) {
        for (const ggml_type type : { GGML_TYPE_Q4_0, GGML_TYPE_Q4_1, GGML_TYPE_Q5_0, GGML_TYPE_Q5_1, GGML_TYPE_Q8_0,
                                      GGML_TYPE_Q4_K, GGML_TYPE_Q5_K, GGML_TYPE_Q6_K }) {
            CAPTURE(name);
            CAPTURE(ggml_type_name(type));
            test_format(choose_kernels(name), type);
        }
    }
}
