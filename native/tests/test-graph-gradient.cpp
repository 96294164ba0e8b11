// The graph engine: hidden states and LoRA gradients against the fused engine, against PyTorch, and against finite
// differences of its own forward pass, on six architectures of different build and a mixture of experts.
#include "engine_golden.h"
#include "gradient_fixture.h"

#include <doctest/doctest.h>

using namespace magnet;
using namespace magnet::testing;
using nlohmann::json;

namespace {

graph_engine_params exact(int32_t n_threads = 2) {
    graph_engine_params p;
    p.n_threads = n_threads;
    p.precision = engine_precision::f32;
    return p;
}

double total_loss(engine & e, const std::vector<owned_row> & rows, const lora_set & set) {
    const auto g = random_coefficients(rows, e.shape().n_embd);
    e.set_lora({ &set });
    const auto hidden = hidden_of(e, views(rows));
    double     sum    = 0.0;
    for (size_t i = 0; i < rows.size(); ++i) {
        sum += loss_of(hidden[i], g[i]);
    }
    return sum;
}

void check_against_differences(const std::string & path, float step, double tolerance) {
    const auto    e      = make_graph_engine(path, exact());
    const auto    rows   = random_rows({ 5, 7, 9, 12 }, e->shape().n_vocab, 1);
    lora_set      set    = random_adapter(e->targets(), 3, 0.7f, 21);
    const trained result = train_once(*e, rows, { &set });
    CHECK(result.loss == doctest::Approx(total_loss(*e, rows, set)).epsilon(1e-5));
    check_gradient(set, result.gradient, 6, step, tolerance, [&] { return total_loss(*e, rows, set); });
}

owned_row golden_row(const json & j) {
    const auto roles = integers<int32_t>(j.at("roles"));
    return { integers<int32_t>(j.at("tokens")), integers<int32_t>(j.at("positions")), { roles.begin(), roles.end() } };
}

} // namespace

TEST_CASE("hidden states and gradients are those of the fused engine, under dropout too") {
    for (const char * arch : { "llama", "qwen2", "qwen3", "gemma" }) {
        CAPTURE(arch);
        tiny_model_params p;
        p.arch = arch;
        const temporary_model file(p);
        const auto            fused = make_fused_engine(file.path, engine_params("", engine_precision::f32, 2));
        const auto            graph = make_graph_engine(file.path, exact());
        const auto            rows  = random_rows({ 5, 7, 9, 12, 120, 90, 33, 70 }, p.n_vocab, 1);
        CHECK(graph->shape().n_vocab == p.n_vocab);
        CHECK(graph->shape().arch == arch);
        const auto names = [](const engine & e) {
            std::vector<std::string> all;
            for (const lora_matrix & m : e.targets()) {
                all.push_back(m.target);
            }
            return all;
        };
        CHECK(names(*graph) == names(*fused));

        const lora_set set    = random_adapter(fused->targets(), 3, 0.7f, 21);
        const lora_set second = random_adapter(fused->targets(), 2, 0.5f, 22);
        const trained  a      = train_once(*fused, rows, { &set, &second });
        const trained  b      = train_once(*graph, rows, { &set, &second });
        CHECK(b.loss == doctest::Approx(a.loss).epsilon(1e-5));
        const trained c = train_once(*fused, rows, { &set, &second }, { 0.3f, 99 }); // the same masks
        const trained d = train_once(*graph, rows, { &set, &second }, { 0.3f, 99 });
        CHECK(c.loss != doctest::Approx(a.loss));
        CHECK(d.loss == doctest::Approx(c.loss).epsilon(1e-5));
        for (size_t m = 0; m < set.matrices.size(); ++m) {
            CAPTURE(set.matrices[m].target);
            CHECK(relative_error(b.gradient.matrices[m].a, a.gradient.matrices[m].a) < 1e-4);
            CHECK(relative_error(b.gradient.matrices[m].b, a.gradient.matrices[m].b) < 1e-4);
            CHECK(relative_error(d.gradient.matrices[m].a, c.gradient.matrices[m].a) < 1e-4);
            CHECK(relative_error(d.gradient.matrices[m].b, c.gradient.matrices[m].b) < 1e-4);
        }
    }
}

TEST_CASE("gradients agree with finite differences of the forward pass") {
    for (const char * arch : { "llama", "qwen2", "qwen3", "phi3", "gemma2", "gpt2" }) {
        CAPTURE(std::string(arch));
        check_against_differences(golden_dir() + "tiny-" + arch + ".gguf", 2e-3f, 1e-2);
    }
}

TEST_CASE("a mixture of experts is differentiated, routing weights included") {
    tiny_model_params p;
    p.n_expert      = 4;
    p.n_expert_used = 2;
    const temporary_model file(p);
    std::string           why;
    CHECK(!fused_engine_covers(file.path, why));
    check_against_differences(file.path, 1e-3f, 1e-2);

    const auto            e = make_graph_engine(file.path, exact());
    const reference_model reference(file.path);
    for (const owned_row & row : random_rows({ 9, 14, 20, 31 }, p.n_vocab, 8)) {
        CHECK(relative_error(hidden_of(*e, { row.view() })[0], reference.hidden(row.view())) < 1e-5);
    }
}

TEST_CASE("hidden states and logits agree with PyTorch") {
    for (const char * arch : { "llama", "qwen2", "qwen3", "phi3", "gemma2", "gpt2" }) {
        const json golden = read_golden(std::string("tiny-inference-") + arch + ".json");
        const auto e      = make_graph_engine(golden_dir() + golden.at("model").get<std::string>(), exact(1));
        CAPTURE(std::string(arch));
        check_inference(*e, golden);
    }
}

TEST_CASE("cross-entropy: value and gradient through heads that are more than a product") {
    for (const char * arch : { "llama", "gemma2" }) { // gemma2 caps its logits
        CAPTURE(arch);
        const auto                      e = make_graph_engine(golden_dir() + "tiny-" + arch + ".gguf", exact());
        const int32_t                   d = e->shape().n_embd, v = e->shape().n_vocab;
        std::mt19937                    random(3);
        std::normal_distribution<float> normal;
        std::vector<float>              hidden(4 * size_t(d)), gradient(hidden.size(), 0.0f), logits(3 * size_t(v));
        std::generate(hidden.begin(), hidden.end(), [&] { return normal(random); });
        const std::vector<int32_t> index = { 3, 0, 3 }, targets = { 5, 7, 250 };
        const std::vector<float>   weight = { 1.0f, 0.5f, 2.0f };
        std::vector<float>         nll(3);
        const auto                 loss = [&] {
            e->cross_entropy(hidden.data(), index.data(), targets.data(), weight.data(), 3, nll.data(), nullptr);
            return double(nll[0]) * weight[0] + double(nll[1]) * weight[1] + double(nll[2]) * weight[2];
        };
        loss();
        for (int32_t i = 0; i < 3; ++i) {
            e->logits(hidden.data() + index[i] * d, 1, logits.data());
            double sum = 0.0;
            for (int32_t t = 0; t < v; ++t) {
                sum += std::exp(double(logits[t]));
            }
            CHECK(nll[i] == doctest::Approx(std::log(sum) - logits[targets[i]]).epsilon(1e-4));
        }
        e->cross_entropy(hidden.data(), index.data(), targets.data(), weight.data(), 3, nll.data(), gradient.data());
        double largest = 0.0;
        for (const float g : gradient) {
            largest = std::max(largest, std::fabs(double(g)));
        }
        CHECK(largest > 0.0);
        for (size_t i = 0; i < hidden.size(); i += 7) {
            CHECK(std::fabs(gradient[i] - difference(hidden[i], 1e-2f, loss)) < 2e-2 * largest);
        }
    }
}

TEST_CASE("bf16 gradients point where exact gradients point") {
    const tiny_model_params p = wide_model();
    const temporary_model   file(p);
    const auto              rows     = random_rows({ 70, 128, 33, 180, 14, 15, 16 }, p.n_vocab, 6);
    const auto              fused    = make_fused_engine(file.path, engine_params("", engine_precision::f32, 2));
    const lora_set          set      = random_adapter(fused->targets(), 8, 0.5f, 31);
    const lora_set          second   = random_adapter(fused->targets(), 4, 0.7f, 32);
    const trained           expected = train_once(*fused, rows, { &set, &second });
    for (const int32_t n_threads : { 1, 2, 3 }) {
        graph_engine_params params = exact(n_threads);
        params.precision           = engine_precision::bf16;
        const auto    e            = make_graph_engine(file.path, params);
        const trained result       = train_once(*e, rows, { &set, &second });
        CHECK(result.loss == doctest::Approx(expected.loss).epsilon(1e-2));
        for (size_t m = 0; m < set.matrices.size(); ++m) {
            CAPTURE(set.matrices[m].target);
            CHECK(cosine(result.gradient.matrices[m].a, expected.gradient.matrices[m].a) > 0.995);
            CHECK(cosine(result.gradient.matrices[m].b, expected.gradient.matrices[m].b) > 0.995);
        }
        const trained again = train_once(*e, rows, { &set, &second });
        CHECK(again.loss == result.loss);
        check_equal(again.gradient, result.gradient);
    }
}
