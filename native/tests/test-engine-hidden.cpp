// Hidden states of the fused engine against the double-precision reference: every architecture, every role pattern,
// every kernel that this machine runs, shapes with tails everywhere.
#include "engine_fixture.h"

#include <doctest/doctest.h>

#include <thread>

using namespace magnet;
using namespace magnet::testing;

namespace {

tiny_model_params shape(const std::string & arch, int32_t n_embd, int32_t n_head, int32_t n_head_kv, int32_t head_dim,
                        int32_t n_rot, int32_t n_ff) {
    tiny_model_params p;
    p.arch      = arch;
    p.n_embd    = n_embd;
    p.n_head    = n_head;
    p.n_head_kv = n_head_kv;
    p.head_dim  = head_dim;
    p.n_rot     = n_rot;
    p.n_ff      = n_ff;
    return p;
}

std::vector<tiny_model_params> models() {
    std::vector<tiny_model_params> all = {
        shape("llama", 32, 4, 2, 8, 8, 48),    shape("llama", 64, 2, 1, 64, 64, 96), shape("qwen2", 48, 3, 3, 16, 16, 80),
        shape("qwen3", 40, 2, 2, 24, 24, 56),  shape("gemma", 33, 3, 1, 10, 6, 37),  shape("llama", 70, 5, 1, 14, 14, 101),
        shape("qwen3", 96, 4, 2, 32, 16, 160),
    };
    all[1].rope_freqs = true;
    all[2].tied       = false;
    all[3].rope_scale = 2.0f;
    all.push_back(shape("gemma3", 48, 4, 1, 40, 40, 72)); // windows that end within blocks of tokens and beyond them
    all.back().n_layer       = 3;
    all.back().window        = 37;
    all.back().window_layers = { false, true, true };
    all.push_back(shape("gemma2", 40, 2, 2, 24, 24, 56));
    all.back().window    = 70;
    all.back().score_cap = 2.0f;
    for (const tiny_model_params & p : families()) {
        all.push_back(p);
    }
    return all;
}

std::string describe(const tiny_model_params & p) {
    return p.arch + " D " + std::to_string(p.n_embd) + " head " + std::to_string(p.head_dim);
}

const std::vector<int32_t> lengths = { 1, 2, 5, 13, 31, 32, 33, 64, 100, 190, 17, 3 };

} // namespace

TEST_CASE("hidden states agree with the reference") {
    for (const tiny_model_params & p : models()) {
        const temporary_model      file(p);
        const reference_model      reference(file.path);
        const auto                 rows = random_rows(lengths, p.n_vocab, 7);
        std::vector<std::vector<double>> expected;
        for (const owned_row & row : rows) {
            expected.push_back(reference.hidden(row.view()));
        }
        for (const std::string & kernel : fused_engine_kernels()) {
            for (const engine_precision precision : { engine_precision::f32, engine_precision::bf16 }) {
                const auto e      = make_fused_engine(file.path, engine_params(kernel, precision, 2));
                const auto hidden = hidden_of(*e, views(rows));
                for (size_t i = 0; i < rows.size(); ++i) {
                    CAPTURE(describe(p));
                    CAPTURE(kernel);
                    CAPTURE(i);
                    if (precision == engine_precision::f32) {
                        CHECK(relative_error(hidden[i], expected[i]) < 2e-5);
                    } else {
                        CHECK(relative_error(hidden[i], expected[i]) < 0.05);
                        CHECK(cosine(hidden[i], expected[i]) > 0.9995);
                    }
                }
            }
        }
    }
}

TEST_CASE("several adapters are summed") {
    for (const tiny_model_params & p : models()) {
        const temporary_model file(p);
        const reference_model reference(file.path);
        const auto            rows   = random_rows({ 21, 40, 9, 33 }, p.n_vocab, 3);
        const lora_set        first  = random_adapter(reference.targets(), 5, 0.5f, 11);
        lora_set              second = random_adapter(reference.targets(), 16, 0.25f, 12);
        second.matrices.erase(second.matrices.begin() + 1, second.matrices.begin() + 4); // not the same targets
        const auto e = make_fused_engine(file.path, engine_params("", engine_precision::f32, 2));
        for (const auto & sets : std::vector<std::vector<const lora_set *>>{
                 { &first }, { &second }, { &first, &second }, {} }) {
            e->set_lora(sets);
            const auto hidden = hidden_of(*e, views(rows));
            for (size_t i = 0; i < rows.size(); ++i) {
                CAPTURE(describe(p));
                CAPTURE(sets.size());
                CHECK(relative_error(hidden[i], reference.hidden(rows[i].view(), sets)) < 2e-5);
            }
        }
    }
}

TEST_CASE("logits and cross-entropy agree with the reference") {
    tiny_model_params wide = models()[0]; // several tiles, the last of them not full
    wide.n_vocab           = 5003;
    tiny_model_params capped = families()[4];
    capped.n_vocab           = 2100;
    for (const tiny_model_params & p : { models()[0], models()[2], wide, capped, families()[7] }) {
        const temporary_model file(p);
        const reference_model reference(file.path);
        const bool            granite = p.arch == "granite"; // logits are scaled
        const double          cap     = p.logit_cap, scale = granite ? 2.0 / p.multiplier : 1.0;
        const auto            rows   = random_rows({ 90 }, p.n_vocab, 5);
        const auto            e      = make_fused_engine(file.path, engine_params("", engine_precision::f32, 1));
        const auto            hidden = hidden_of(*e, views(rows))[0];
        const auto            expected = reference.logits({ hidden.begin(), hidden.end() });

        std::vector<float> logits(90 * size_t(p.n_vocab));
        e->logits(hidden.data(), 90, logits.data());
        CHECK(relative_error(logits, expected) < 1e-5);

        const std::vector<int32_t> index  = { 3, 88, 41, 3, 0 };
        const std::vector<int32_t> target = { 1, 95, 17, 2, 0 };
        const std::vector<float>   weight = { 0.5f, 2.0f, 1.0f, -1.0f, 0.25f };
        std::vector<float>         nll(5);
        std::vector<float>         gradient(hidden.size(), 1.0f); // must be added to
        e->cross_entropy(hidden.data(), index.data(), target.data(), weight.data(), 5, nll.data(), gradient.data());

        const auto & head = reference.tensor(reference.has_tensor("output.weight") ? "output.weight" : "token_embd.weight");
        std::vector<double> expected_gradient(hidden.size(), 1.0);
        for (size_t i = 0; i < index.size(); ++i) {
            const double * l   = expected.data() + size_t(index[i]) * p.n_vocab;
            double         sum = 0.0;
            for (int32_t v = 0; v < p.n_vocab; ++v) {
                sum += std::exp(l[v]);
            }
            CHECK(nll[i] == doctest::Approx(std::log(sum) - l[target[i]]).epsilon(1e-5));
            for (int32_t v = 0; v < p.n_vocab; ++v) {
                const double slope = scale * (cap > 0.0 ? 1.0 - l[v] * l[v] / (cap * cap) : 1.0);
                const double d     = slope * weight[i] * (std::exp(l[v]) / sum - (v == target[i] ? 1.0 : 0.0));
                for (int32_t c = 0; c < p.n_embd; ++c) {
                    expected_gradient[size_t(index[i]) * p.n_embd + c] += d * head[size_t(v) * p.n_embd + c];
                }
            }
        }
        CHECK(relative_error(gradient, expected_gradient) < 1e-5);
    }
}

TEST_CASE("the divergence of two states' predictions, and its gradient, agree with double loops") {
    for (const tiny_model_params & p : { models()[0], models()[2] }) {
        const temporary_model file(p);
        const reference_model reference(file.path);
        const int32_t         n = 70; // more than a chunk
        const auto            rows = random_rows({ 2 * n }, p.n_vocab, 5);
        for (const engine_precision precision : { engine_precision::f32, engine_precision::bf16 }) {
            const bool         f32 = precision == engine_precision::f32;
            const auto         e   = make_fused_engine(file.path, engine_params("", precision, 1));
            const auto         states = hidden_of(*e, views(rows))[0];
            std::vector<float> base(states.begin(), states.begin() + n * p.n_embd), hidden(states.begin() + n * p.n_embd, states.end());
            const auto         of_base = reference.logits({ base.begin(), base.end() });
            const auto         of_hidden = reference.logits({ hidden.begin(), hidden.end() });
            const auto & head = reference.tensor(reference.has_tensor("output.weight") ? "output.weight" : "token_embd.weight");

            std::vector<double> expected(n, 0.0), expected_gradient(hidden.size(), 1.0);
            for (int32_t i = 0; i < n; ++i) {
                const double * a = of_base.data() + size_t(i) * p.n_vocab, * b = of_hidden.data() + size_t(i) * p.n_vocab;
                double         sum_a = 0.0, sum_b = 0.0;
                for (int32_t v = 0; v < p.n_vocab; ++v) {
                    sum_a += std::exp(a[v]);
                    sum_b += std::exp(b[v]);
                }
                for (int32_t v = 0; v < p.n_vocab; ++v) {
                    const double pa = std::exp(a[v]) / sum_a, pb = std::exp(b[v]) / sum_b;
                    expected[i] += pa * std::log(pa / pb);
                    for (int32_t c = 0; c < p.n_embd; ++c) {
                        expected_gradient[size_t(i) * p.n_embd + c] += 0.25 * (pb - pa) * head[size_t(v) * p.n_embd + c];
                    }
                }
            }
            std::vector<float> found(n), again(n), gradient(hidden.size(), 1.0f); // must be added to
            e->divergence(base.data(), hidden.data(), 0.25f, n, found.data(), gradient.data());
            e->divergence(base.data(), hidden.data(), 0.25f, n, again.data(), nullptr);
            CHECK(relative_error(found, expected) < (f32 ? 1e-4 : 3e-2));
            CHECK(relative_error(again, expected) < (f32 ? 1e-4 : 3e-2));
            CHECK(relative_error(gradient, expected_gradient) < (f32 ? 1e-5 : 1e-2));
            e->divergence(base.data(), base.data(), 1.0f, n, found.data(), nullptr);
            CHECK(*std::max_element(found.begin(), found.end()) < 1e-6f); // of itself
        }
    }
}

TEST_CASE("results do not depend on how rows are grouped or on the number of threads") {
    const tiny_model_params p = models()[0];
    const temporary_model   file(p);
    const auto              rows = random_rows({ 600, 12, 150, 7, 64 }, p.n_vocab, 9);
    for (const char * kernel : { "", "generic" }) { // the best takes chunks of up to 512 tokens, the other of 160
        const auto one      = make_fused_engine(file.path, engine_params(kernel, engine_precision::f32, 1));
        const auto expected = hidden_of(*one, views(rows));
        for (const int32_t n_threads : { 2, 3, 4, 8 }) {
            const auto e      = make_fused_engine(file.path, engine_params(kernel, engine_precision::f32, n_threads));
            const auto hidden = hidden_of(*e, views(rows));
            for (size_t i = 0; i < rows.size(); ++i) {
                CHECK(relative_error(hidden[i], expected[i]) < 1e-5);
                CHECK(relative_error(hidden_of(*e, { rows[i].view() })[0], expected[i]) < 1e-5); // one row, a team
            }
        }
    }
}

TEST_CASE("a row has the same bits alone and among others, on every kernel") {
    const tiny_model_params p = models()[0];
    const temporary_model   file(p);
    const auto              rows = random_rows({ 600, 12, 150, 7, 64, 1, 33, 33 }, p.n_vocab, 9);
    for (const std::string & kernel : fused_engine_kernels()) {
        for (const engine_precision precision : { engine_precision::f32, engine_precision::bf16 }) {
            for (const int32_t n_threads : { 1, 2 }) {
                CAPTURE(kernel);
                CAPTURE(int(precision));
                CAPTURE(n_threads);
                const auto e   = make_fused_engine(file.path, engine_params(kernel, precision, n_threads));
                const auto all = hidden_of(*e, views(rows));
                for (size_t i = 0; i < rows.size(); ++i) {
                    CHECK(hidden_of(*e, { rows[i].view() })[0] == all[i]);
                }
            }
        }
    }
}

TEST_CASE("engines that share weights keep their adapters apart, on threads of their own") {
    const tiny_model_params             p = models()[0];
    const temporary_model               file(p);
    const reference_model               reference(file.path);
    const auto                          how    = engine_params("", engine_precision::f32, 1);
    const std::shared_ptr<fused_weights> weights = load_fused_weights(file.path, how);
    const auto                          rows   = random_rows({ 12, 7 }, p.n_vocab, 3);

    std::vector<std::thread> threads;
    std::vector<double>      errors(4, 1.0);
    for (int32_t i = 0; i < 4; ++i) {
        threads.emplace_back([&, i] {
            const auto     e   = make_fused_engine(weights, how);
            const lora_set set = random_adapter(e->targets(), 2, 0.7f, uint32_t(30 + i));
            e->set_lora({ &set });
            errors[i] = 0.0;
            for (int32_t round = 0; round < 20; ++round) {
                const auto hidden = hidden_of(*e, views(rows));
                for (size_t r = 0; r < rows.size(); ++r) {
                    errors[i] =
                        std::max(errors[i], relative_error(hidden[r], reference.hidden(rows[r].view(), { &set })));
                }
            }
        });
    }
    for (std::thread & t : threads) {
        t.join();
    }
    for (const double error : errors) {
        CHECK(error < 1e-5);
    }
}
