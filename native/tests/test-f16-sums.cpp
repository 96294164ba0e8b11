// Sums of products of F16 in ggml's CPU backend may be beyond F16's range (65504): attention's scores are, of Qwen2.5 for one.
#include <doctest/doctest.h>

#include "ggml-backend.h"
#include "ggml-cpp.h"
#include "ggml-cpu.h"
#include "ggml.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace {

constexpr int64_t width = 128, n_queries = 9, n_keys = 64;

float large(int64_t i) { return 30.0f + float(i * 7 % 11); } // a sum of 128 of their products is some 150,000

} // namespace

TEST_CASE("a dot product in F16 is as large as it is") {
    std::vector<ggml_fp16_t> x(width), y(width);
    double                   expected = 0;
    for (int64_t i = 0; i < width; ++i) {
        x[i] = ggml_fp32_to_fp16(large(i));
        y[i] = ggml_fp32_to_fp16(large(3 * i));
        expected += double(large(i)) * large(3 * i);
    }
    REQUIRE(expected > 65504);
    float sum = 0;
    ggml_get_type_traits_cpu(GGML_TYPE_F16)->vec_dot(int(width), &sum, 0, x.data(), 0, y.data(), 0, 1);
    CHECK(sum == doctest::Approx(expected));
}

TEST_CASE("attention with scores beyond the range of F16") {
    const ggml_context_ptr context(ggml_init({ 64 * ggml_tensor_overhead() + ggml_graph_overhead(), nullptr, true }));
    ggml_tensor * const    q = ggml_new_tensor_3d(context.get(), GGML_TYPE_F32, width, n_queries, 1);
    ggml_tensor * const    k = ggml_new_tensor_3d(context.get(), GGML_TYPE_F16, width, n_keys, 1);
    ggml_tensor * const    v = ggml_new_tensor_3d(context.get(), GGML_TYPE_F16, width, n_keys, 1);
    const float            scale = 1.0f / std::sqrt(float(width));
    ggml_tensor * const    out   = ggml_flash_attn_ext(context.get(), q, k, v, nullptr, scale, 0.0f, 0.0f);
    ggml_cgraph * const    graph = ggml_new_graph(context.get());
    ggml_build_forward_expand(graph, out);
    const ggml_backend_ptr        backend(ggml_backend_cpu_init());
    const ggml_backend_buffer_ptr buffer(ggml_backend_alloc_ctx_tensors(context.get(), backend.get()));
    REQUIRE(buffer);

    std::vector<float>       queries(width * n_queries), keys(width * n_keys), values(width * n_keys);
    std::vector<ggml_fp16_t> half(keys.size());
    const auto               set = [&](ggml_tensor * t, const std::vector<float> & x) {
        ggml_fp32_to_fp16_row(x.data(), half.data(), int64_t(x.size()));
        ggml_backend_tensor_set(t, half.data(), 0, x.size() * sizeof(ggml_fp16_t));
    };
    for (int64_t i = 0; i < width * n_queries; ++i) {
        queries[i] = large(i);
    }
    for (int64_t i = 0; i < width * n_keys; ++i) { // one score is the largest by far
        keys[i]   = i / width == 20 ? 40.0f : large(i);
        values[i] = float(i % 13);
    }
    ggml_backend_tensor_set(q, queries.data(), 0, queries.size() * sizeof(float));
    set(k, keys);
    set(v, values);
    REQUIRE(ggml_backend_graph_compute(backend.get(), graph) == GGML_STATUS_SUCCESS);
    std::vector<float> got(width * n_queries);
    ggml_backend_tensor_get(out, got.data(), 0, got.size() * sizeof(float));

    for (int64_t i = 0; i < n_queries; ++i) {
        std::vector<double> scores(n_keys);
        for (int64_t j = 0; j < n_keys; ++j) {
            for (int64_t c = 0; c < width; ++c) {
                scores[j] += double(queries[i * width + c]) * keys[j * width + c] * scale;
            }
        }
        const double most = *std::max_element(scores.begin(), scores.end());
        REQUIRE(most > 65504 * scale);
        for (int64_t c = 0; c < width; ++c) {
            double sum = 0, total = 0;
            for (int64_t j = 0; j < n_keys; ++j) {
                const double p = std::exp(scores[j] - most);
                sum += p * values[j * width + c];
                total += p;
            }
            CHECK(got[i * width + c] == doctest::Approx(sum / total));
        }
    }
}
