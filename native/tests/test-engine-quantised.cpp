// Products of packed quantised matrices by every kernel set, against double loops over what ggml makes of the same rows.
#include "engine_fixture.h"
#include "limited_memory.h"
#include "quantised_model.h"

#include "engine/choice.h"
#include "engine/fused/fused-engine.h"
#include "engine/fused/head.h"
#include "engine/fused/kernel-choice.h"
#include "engine/fused/quantised-matrix.h"
#include "engine/fused/stored-weights.h"
#include "engine/fused/weights.h"

#include "ggml.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

using namespace magnet;
using namespace magnet::fused;
using namespace magnet::testing;

namespace {

std::mt19937 random_bits(7);

// A matrix in a format: what ggml makes of its rows, and packed in an order of them.
struct stored_rows {
    std::vector<float> values; // [n_out, n_in]
    quantised_matrix   packed;

    stored_rows(ggml_type type, int32_t n_out, int32_t n_in, const std::vector<int32_t> & order = {})
        : values(int64_t(n_out) * n_in), packed(quantised_format_of(type).value(), n_in, n_out) {
        std::normal_distribution<float> normal(0.01f, 0.05f);
        std::vector<float>              plain(values.size());
        for (float & x : plain) {
            x = normal(random_bits);
        }
        const size_t         row_bytes = ggml_row_size(type, n_in);
        std::vector<uint8_t> stored(row_bytes * n_out);
        ggml_quantize_chunk(type, plain.data(), stored.data(), 0, n_out, n_in, nullptr);
        ggml_get_type_traits(type)->to_float(stored.data(), values.data(), int64_t(values.size()));
        for (int32_t j = 0; j < packed.n_panels(); ++j) {
            packed.pack(j, stored.data(), int64_t(row_bytes), order);
        }
    }
};

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
    std::vector<int32_t>        order(n_out);
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random_bits);
    const stored_rows        stored(type, n_out, n_in, order);
    const quantised_matrix & packed = stored.packed;
    for (const int32_t n : { 1, 2, 3, 7, 8, 13, 21 }) {
        const vectors       x(n, n_in, kernels);
        std::vector<double> expected;
        std::vector<float>  got;
        for (int32_t j = 0; j < packed.n_panels(); ++j) {
            std::vector<float> tile(int64_t(n) * panel_width);
            kernels.quantised_product(packed.panel(j), x.rows, tile.data(), panel_width);
            for (int32_t i = 0; i < n; ++i) {
                for (int32_t c = 0; c < std::min(panel_width, n_out - j * panel_width); ++c) {
                    const float * w   = stored.values.data() + int64_t(order[j * panel_width + c]) * n_in;
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

        std::vector<float> together(int64_t(n) * panel_width), alone(panel_width); // no bit depends on how many there are
        kernels.quantised_product(packed.panel(0), x.rows, together.data(), panel_width);
        for (int32_t i = 0; i < n; ++i) {
            const quantised_rows one = { 1, x.rows.values + i * x.rows.ld, x.rows.ld, x.rows.scales + i * x.rows.ld_scales, x.rows.ld_scales };
            kernels.quantised_product(packed.panel(0), one, alone.data(), panel_width);
            CHECK(std::equal(alone.begin(), alone.end(), together.begin() + i * panel_width));
        }
    }
}

} // namespace

namespace {

// Products that unpack panels as they go, beside those of a copy of the same values.
template <class T>
void test_unpacked(const kernel_set & set, ggml_type type) {
    const kernel_table<T> & kernels = table_of<T>(set);
    const int32_t           n_in = 256, n_out = 77, m = 29;
    stored_rows             stored(type, n_out, n_in);
    std::vector<float>      scale(n_in);
    for (int32_t c = 0; c < n_in; ++c) {
        scale[c] = 0.5f + 0.01f * float(c % 90);
        for (int32_t r = 0; r < n_out; ++r) {
            stored.values[int64_t(r) * n_in + c] *= scale[c];
        }
    }
    packed<T> copy(n_in, n_out);
    rounded_matrix<T>(stored.values.data(), n_out, n_in, kernels).pack_forward(copy);

    std::normal_distribution<float> normal;
    std::vector<T>                  x((m + row_slack) * n_in);
    for (T & v : x) {
        from_float(normal(random_bits), v);
    }
    std::vector<float> expected(m * n_out), got(m * n_out);
    gemm_args<T>       args;
    args.m = m;
    args.n = n_out;
    args.add(copy.times(x.data(), n_in));
    kernels.gemm_f32(args, expected.data(), n_out);

    args.terms[0].b                      = nullptr;
    args.terms[0].quantised              = stored.packed.source();
    args.terms[0].quantised.column_scale = scale.data();
    for (int32_t rank = 0; rank < 3; ++rank) { // shares that begin and end in a panel
        args.part = { rank, 3 };
        kernels.gemm_f32(args, got.data(), n_out);
    }
    const std::vector<double> wide(expected.begin(), expected.end());
    CHECK(relative_error(got, wide) < (sizeof(T) == sizeof(float) ? 1e-6 : 1e-4));

    args.part     = {};
    args.n        = n_out - 32;
    args.terms[0] = args.terms[0].from_column(32);
    std::vector<float> rest(m * (n_out - 32));
    kernels.gemm_f32(args, rest.data(), n_out - 32);
    std::vector<double> wide_rest;
    for (int32_t i = 0; i < m; ++i) {
        wide_rest.insert(wide_rest.end(), wide.begin() + i * n_out + 32, wide.begin() + (i + 1) * n_out);
    }
    CHECK(relative_error(rest, wide_rest) < (sizeof(T) == sizeof(float) ? 1e-6 : 1e-4));
}

// Products of many rows in integers, a product of floats beside them, in shares that begin and end in a panel.
template <class T>
void test_integers(const kernel_set & set, ggml_type type, int32_t m, int32_t parts) {
    const kernel_table<T> & kernels = table_of<T>(set);
    const int32_t           n_in = 512, n_out = 77, rank = 8;
    const stored_rows       stored(type, n_out, n_in);
    const vectors           x(m * parts, n_in, *set.f32_table);

    std::normal_distribution<float> normal;
    std::vector<float>              b(n_out * rank), bias(round_up(n_out, panel_width));
    std::vector<T>                  low((m + row_slack) * k_multiple);
    std::generate(b.begin(), b.end(), [&] { return normal(random_bits); });
    std::generate(bias.begin(), bias.end(), [&] { return normal(random_bits); });
    for (int32_t i = 0; i < m * rank; ++i) {
        from_float(std::round(normal(random_bits) * 4.0f), low[i / rank * k_multiple + i % rank]); // exact in bf16
    }
    for (float & v : b) {
        v = std::round(v * 4.0f);
    }
    packed<T> second(rank, n_out);
    rounded_matrix<T>(b.data(), n_out, rank, kernels).pack_forward(second);

    gemm_args<T> args;
    product<T>   term;
    term.k         = n_in;
    term.quantised = stored.packed.source();
    term.rounded   = x.rows;
    term.parts     = parts;
    args.m         = m;
    args.n         = n_out;
    args.bias      = bias.data();
    args.add(term);
    args.add(second.times(low.data(), k_multiple));
    std::vector<float>  got(m * n_out);
    std::vector<double> expected;
    for (int32_t r = 0; r < 3; ++r) {
        args.part = { r, 3 };
        kernels.gemm_f32(args, got.data(), n_out);
    }
    for (int32_t i = 0; i < m; ++i) {
        for (int32_t c = 0; c < n_out; ++c) {
            double sum = bias[c];
            for (int32_t k = 0; k < rank; ++k) {
                sum += double(to_float(low[i * k_multiple + k])) * b[c * rank + k];
            }
            for (int32_t k = 0; k < n_in * parts; ++k) {
                sum += stored.values[int64_t(c) * n_in + k % n_in] * x.at(i * parts + k / n_in, k % n_in);
            }
            expected.push_back(sum);
        }
    }
    CHECK(relative_error(got, expected) < 1e-5);
}

} // namespace

TEST_CASE("products of many rows in integers, whatever the CPU would take for a prompt") {
    for (const std::string & name : fused_engine_kernels()) {
        for (const ggml_type type : { GGML_TYPE_Q4_0, GGML_TYPE_Q4_1, GGML_TYPE_Q5_0, GGML_TYPE_Q5_1, GGML_TYPE_Q8_0,
                                      GGML_TYPE_Q4_K, GGML_TYPE_Q5_K, GGML_TYPE_Q6_K }) {
            CAPTURE(name);
            CAPTURE(ggml_type_name(type));
            for (const int32_t m : { 1, 2, 5, 29 }) {
                test_integers<bf16>(choose_kernels(name), type, m, 1);
                test_integers<bf16>(choose_kernels(name), type, m, 2);
                test_integers<float>(choose_kernels(name), type, m, 1);
            }
        }
    }
}

TEST_CASE("panels that are unpacked when they are read") {
    for (const std::string & name : fused_engine_kernels()) {
        for (const ggml_type type : { GGML_TYPE_Q4_0, GGML_TYPE_Q4_1, GGML_TYPE_Q5_0, GGML_TYPE_Q5_1, GGML_TYPE_Q8_0,
                                      GGML_TYPE_Q4_K, GGML_TYPE_Q5_K, GGML_TYPE_Q6_K }) {
            CAPTURE(name);
            CAPTURE(ggml_type_name(type));
            test_unpacked<bf16>(choose_kernels(name), type);
            test_unpacked<float>(choose_kernels(name), type);
        }
    }
}

TEST_CASE("a model without copies of its weights computes what one with them does") {
    for (const llama_ftype type : { LLAMA_FTYPE_MOSTLY_Q4_1, LLAMA_FTYPE_MOSTLY_Q8_0, LLAMA_FTYPE_MOSTLY_Q4_K_M,
                                    LLAMA_FTYPE_MOSTLY_F16 }) { // of F16 there are copies all the same
        const quantised_model file(0, type);
        CAPTURE(int(type));
        for (const engine_precision precision : { engine_precision::f32, engine_precision::bf16 }) {
            fused_engine_params params = engine_params("", precision, 2);
            const auto          copied = make_fused_engine(file.path, params);
            params.copies              = false;
            const auto               lean   = make_fused_engine(file.path, params);
            const int32_t            d      = copied->shape().n_embd, v = copied->shape().n_vocab;
            const double             bound  = precision == engine_precision::f32 ? 1e-5 : 3e-3;
            std::vector<owned_row>   rows   = random_rows({ 70, 1, 9 }, v, 3);
            for (const owned_row & row : rows) {
                const int32_t      n = row.view().n_tokens;
                std::vector<float> expected(int64_t(n) * d), got(expected.size());
                copied->forward({ row.view() }, { expected.data() });
                lean->forward({ row.view() }, { got.data() });
                CHECK(relative_error(got, expected) < bound);

                std::vector<float>         logits(v), lean_logits(v), nll(1), lean_nll(1);
                const std::vector<int32_t> target = { 5 };
                copied->logits(expected.data(), 1, logits.data());
                lean->logits(expected.data(), 1, lean_logits.data());
                CHECK(relative_error(lean_logits, logits) < bound);
                copied->cross_entropy(expected.data(), nullptr, target.data(), nullptr, 1, nll.data(), nullptr);
                lean->cross_entropy(expected.data(), nullptr, target.data(), nullptr, 1, lean_nll.data(), nullptr);
                CHECK(lean_nll[0] == doctest::Approx(nll[0]).epsilon(1e-3));
            }
            const auto         cache = copied->make_cache(false), lean_cache = lean->make_cache(false);
            std::vector<float> logits(v), lean_logits(v);
            for (int32_t i = 0; i < 2; ++i) { // a prompt, then a token
                cached_row r;
                r.row    = { rows[0].tokens.data() + 60 * i, rows[0].pos.data() + 60 * i, rows[0].roles.data() + 60 * i,
                             i == 0 ? 60 : 1 };
                r.output = r.row.n_tokens - 1;
                r.cache  = cache.get();
                r.logits = logits.data();
                copied->extend({ r });
                r.cache  = lean_cache.get();
                r.logits = lean_logits.data();
                lean->extend({ r });
                CHECK(relative_error(lean_logits, logits) < bound);
            }
        }
    }
}

TEST_CASE("what weights take is known before they are loaded") {
    for (const llama_ftype type : { LLAMA_FTYPE_MOSTLY_Q4_1, LLAMA_FTYPE_MOSTLY_Q4_K_M, LLAMA_FTYPE_MOSTLY_F16 }) {
        const quantised_model       file(0, type);
        const model_file            about(file.path);
        const fused_engine_memory   said    = memory_of_weights(about);
        const kernel_table<bf16> &  kernels = *choose_kernels("").bf16_table;
        thread_pool                 pool(1);
        const weights<bf16>         copied(about, kernels, pool, true), lean(about, kernels, pool, false);
        const stored_weights        stored(file.path, copied, pool);
        const output_head<bf16>     head(file.path, about.params(), kernels);
        std::vector<float>          hidden(about.params().n_embd), logits(about.params().n_vocab);
        CAPTURE(int(type));
        head.logits(hidden.data(), 1, logits.data()); // reads it
        CHECK(double(said.copied) == doctest::Approx(double(copied.bytes() + head.bytes() + stored.bytes())).epsilon(0.1));
        const int64_t lean_head = stored.head().packed ? 0 : head.bytes();
        CHECK(double(said.stored) == doctest::Approx(double(lean.bytes() + lean_head + stored.bytes())).epsilon(0.1));
    }
}

namespace {

// Room for the stored weights and not for copies of them.
int load_in_little_memory() {
    tiny_model_params shape;
    shape.n_embd   = 1024;
    shape.n_ff     = 4096;
    shape.head_dim = shape.n_rot = 64;
    const quantised_model file(shape, LLAMA_FTYPE_MOSTLY_Q4_0);
    fused_engine_memory   memory;
    std::string           why;
    if (!fused_engine_covers(file.path, why, &memory) || memory.copied < 4 * memory.stored) {
        return 1;
    }
    limit_memory(size_t(memory.copied));
    fused_engine_params params = engine_params("", engine_precision::bf16, 1);
    params.copies              = copies_weights(MAGNET_WEIGHTS_AUTO, memory, file.path);
    if (params.copies) {
        return 2;
    }
    load_fused_weights(file.path, params);
    return 0;
}

} // namespace

TEST_CASE("weights stay as they are stored where there is no memory for copies" * doctest::skip(!limits_work())) {
    in_child(load_in_little_memory);
}

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

TEST_CASE("what is no number is none after rounding to 8 bits") {
    for (const std::string & name : fused_engine_kernels()) {
        for (const float bad : { NAN, -NAN, INFINITY, -INFINITY }) {
            for (int32_t at = 0; at < 32; ++at) {
                std::vector<float> x(32, 1.0f);
                x[at] = bad;
                std::vector<int8_t> values(32);
                quantised_scale     scale;
                choose_kernels(name).f32_table->quantise(x.data(), 32, values.data(), &scale);
                CAPTURE(name);
                CHECK(!std::isfinite(scale.scale));
                CHECK(std::isnan(float(values[at]) * scale.scale));
            }
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
