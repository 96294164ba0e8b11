// LoRA gradients of the fused engine: against finite differences of the double-precision reference, between precisions,
// kernels and thread counts, and bit for bit between runs.
#include "gradient_fixture.h"

#include <doctest/doctest.h>

#include <mutex>

using namespace magnet;
using namespace magnet::testing;

namespace {

tiny_model_params small(const std::string & arch) {
    for (const tiny_model_params & p : families()) {
        if (p.arch == arch) {
            return p;
        }
    }
    throw std::runtime_error("no family " + arch);
}

} // namespace

TEST_CASE("gradients agree with finite differences of the reference") {
    for (const tiny_model_params & p : families()) {
        CAPTURE(p.arch);
        const temporary_model   file(p);
        const reference_model   reference(file.path);
        const auto              rows = random_rows({ 5, 7, 9, 12 }, p.n_vocab, 1);
        const auto              g    = random_coefficients(rows, p.n_embd);
        lora_set                set  = random_adapter(reference.targets(), 3, 0.7f, 21);
        const lora_set          frozen = random_adapter(reference.targets(), 2, 0.5f, 22);
        const std::vector<const lora_set *> sets = { &set, &frozen };

        const auto    e      = make_fused_engine(file.path, engine_params("", engine_precision::f32, 2));
        const trained result = train_once(*e, rows, sets);
        const auto    loss   = [&] {
            double sum = 0.0;
            for (size_t i = 0; i < rows.size(); ++i) {
                sum += loss_of(reference.hidden(rows[i].view(), sets), g[i]);
            }
            return sum;
        };
        CHECK(result.loss == doctest::Approx(loss()).epsilon(1e-5));
        check_gradient(set, result.gradient, 12, 1e-3f, 1e-3, loss);
    }
}

TEST_CASE("gradients of a long row, in chunks and blocks, agree with finite differences") {
    for (const char * arch : { "llama", "gemma2", "gemma3" }) {
        CAPTURE(arch);
        tiny_model_params p = small(arch);
        p.n_layer           = 1;
        p.window *= 12;
        const temporary_model file(p);
        const reference_model reference(file.path);
        std::mt19937          random(4);
        for (const pattern pattern : all_patterns) {
            const std::vector<owned_row> rows = { random_row(210, pattern, p.n_vocab, random) };
            const auto                   g    = random_coefficients(rows, p.n_embd);
            lora_set                     set  = random_adapter(reference.targets(), 2, 1.0f, 21);
            for (const char * kernel : { "", "generic" }) { // chunks of 256 tokens if the best is AMX, of 160
                const auto e = make_fused_engine(file.path, engine_params(kernel, engine_precision::f32, 1));
                check_gradient(set, train_once(*e, rows, { &set }).gradient, 2, 1e-3f, 1e-3,
                               [&] { return loss_of(reference.hidden(rows[0].view(), { &set }), g[0]); });
            }
        }
    }
}

TEST_CASE("only the targets that an adapter names get gradients") {
    const tiny_model_params p = small("llama");
    const temporary_model   file(p);
    const auto              e    = make_fused_engine(file.path, engine_params("", engine_precision::f32, 1));
    const auto              rows = random_rows({ 11, 30 }, p.n_vocab, 1);
    const lora_set          full = random_adapter(e->targets(), 4, 1.0f, 2);

    std::vector<lora_matrix> targets = e->targets();
    lora_set                 part    = full; // last layer's q and down, in this odd order: gradients do not depend on
    part.matrices                    = { full.matrices[13], full.matrices[7] };
    lora_set rest                    = full;
    rest.matrices.erase(rest.matrices.begin() + 13);
    rest.matrices.erase(rest.matrices.begin() + 7);

    const trained whole = train_once(*e, rows, { &full });
    const trained split = train_once(*e, rows, { &part, &rest });
    CHECK(split.loss == doctest::Approx(whole.loss).epsilon(1e-6));
    CHECK(relative_error(split.gradient.matrices[0].a, whole.gradient.matrices[13].a) < 1e-5);
    CHECK(relative_error(split.gradient.matrices[0].b, whole.gradient.matrices[13].b) < 1e-5);
    CHECK(relative_error(split.gradient.matrices[1].a, whole.gradient.matrices[7].a) < 1e-5);
    CHECK(relative_error(split.gradient.matrices[1].b, whole.gradient.matrices[7].b) < 1e-5);
}

TEST_CASE("gradients with dropout agree with finite differences under the same masks") {
    for (const char * arch : { "llama", "qwen3", "gemma3" }) {
        CAPTURE(arch);
        const tiny_model_params p = small(arch);
        const temporary_model   file(p);
        const auto              e       = make_fused_engine(file.path, engine_params("", engine_precision::f32, 2));
        const auto              rows    = random_rows({ 5, 7, 9, 12 }, p.n_vocab, 1);
        lora_set                set     = random_adapter(e->targets(), 3, 0.7f, 21);
        const engine_dropout    dropout = { 0.3f, 99 };
        const trained           result  = train_once(*e, rows, { &set }, dropout);
        CHECK(result.loss != doctest::Approx(train_once(*e, rows, { &set }).loss));
        check_gradient(set, result.gradient, 4, 2e-2f, 2e-2, [&] { return train_once(*e, rows, { &set }, dropout).loss; });
    }
}

TEST_CASE("dropout masks follow the seed and nothing else") {
    const tiny_model_params p = small("llama");
    const temporary_model   file(p);
    const auto              rows = random_rows({ 50, 60, 20, 170 }, p.n_vocab, 1);
    const auto              one  = make_fused_engine(file.path, engine_params("", engine_precision::f32, 1));
    const lora_set          set  = random_adapter(one->targets(), 3, 0.7f, 21);
    const trained           a    = train_once(*one, rows, { &set }, { 0.2f, 1 });
    CHECK(train_once(*one, rows, { &set }, { 0.2f, 2 }).loss != doctest::Approx(a.loss));
    for (const int32_t n_threads : { 2, 4 }) {
        const auto e = make_fused_engine(file.path, engine_params("", engine_precision::f32, n_threads));
        CHECK(train_once(*e, rows, { &set }, { 0.2f, 1 }).loss == doctest::Approx(a.loss).epsilon(1e-6));
    }
}

TEST_CASE("bf16 gradients point where f32 gradients point, with every kernel") {
    const tiny_model_params p = wide_model();
    const temporary_model   file(p);
    const auto              rows     = random_rows({ 70, 128, 33, 180, 14, 15, 16 }, p.n_vocab, 6);
    const auto              exact    = make_fused_engine(file.path, engine_params("generic", engine_precision::f32, 2));
    const lora_set          set      = random_adapter(exact->targets(), 8, 0.5f, 31);
    const trained           expected = train_once(*exact, rows, { &set });
    for (const std::string & kernel : fused_engine_kernels()) {
        for (const engine_precision precision : { engine_precision::f32, engine_precision::bf16 }) {
            const bool    f32    = precision == engine_precision::f32;
            const auto    e      = make_fused_engine(file.path, engine_params(kernel, precision, 2));
            const trained result = train_once(*e, rows, { &set });
            CAPTURE(kernel);
            CHECK(result.loss == doctest::Approx(expected.loss).epsilon(f32 ? 1e-5 : 1e-2));
            for (size_t m = 0; m < set.matrices.size(); ++m) {
                CAPTURE(set.matrices[m].target);
                if (f32) {
                    CHECK(relative_error(result.gradient.matrices[m].a, expected.gradient.matrices[m].a) < 1e-4);
                    CHECK(relative_error(result.gradient.matrices[m].b, expected.gradient.matrices[m].b) < 1e-4);
                } else {
                    CHECK(cosine(result.gradient.matrices[m].a, expected.gradient.matrices[m].a) > 0.995);
                    CHECK(cosine(result.gradient.matrices[m].b, expected.gradient.matrices[m].b) > 0.995);
                }
            }
        }
    }
}

TEST_CASE("a step repeats bit for bit, also with recomputation") {
    const tiny_model_params p = small("gemma3");
    const temporary_model   file(p);
    const auto              rows = random_rows({ 200, 64, 12, 9, 31, 2 }, p.n_vocab, 8);
    for (const int32_t n_threads : { 1, 2, 3, 4 }) {
        for (const engine_precision precision : { engine_precision::f32, engine_precision::bf16 }) {
            const auto     e   = make_fused_engine(file.path, engine_params("", precision, n_threads));
            const lora_set set = random_adapter(e->targets(), 4, 1.0f, 3);
            const trained  one = train_once(*e, rows, { &set }, { 0.1f, 4 });
            const trained  two = train_once(*e, rows, { &set }, { 0.1f, 4 });
            const auto     r   = make_fused_engine(file.path, engine_params("", precision, n_threads, true));
            const trained  recomputed = train_once(*r, rows, { &set }, { 0.1f, 4 });
            CHECK(one.loss == two.loss);
            CHECK(one.loss == recomputed.loss);
            check_equal(one.gradient, two.gradient);
            check_equal(one.gradient, recomputed.gradient);
        }
    }
}

TEST_CASE("gradients do not depend on the number of threads beyond rounding") {
    const tiny_model_params p = small("llama");
    const temporary_model   file(p);
    const auto              rows     = random_rows({ 300, 40 }, p.n_vocab, 8);
    const auto              one      = make_fused_engine(file.path, engine_params("", engine_precision::f32, 1));
    const lora_set          set      = random_adapter(one->targets(), 4, 1.0f, 3);
    const trained           expected = train_once(*one, rows, { &set });
    for (const int32_t n_threads : { 2, 3, 5, 8 }) { // rows are fewer than threads: they work in teams
        const auto    e      = make_fused_engine(file.path, engine_params("", engine_precision::f32, n_threads));
        const trained result = train_once(*e, rows, { &set });
        for (size_t m = 0; m < set.matrices.size(); ++m) {
            CHECK(relative_error(result.gradient.matrices[m].a, expected.gradient.matrices[m].a) < 1e-4);
            CHECK(relative_error(result.gradient.matrices[m].b, expected.gradient.matrices[m].b) < 1e-4);
        }
    }
}

TEST_CASE("gradients are added to what the caller has") {
    const tiny_model_params p = small("llama");
    const temporary_model   file(p);
    const auto              rows = random_rows({ 20 }, p.n_vocab, 8);
    const auto              e    = make_fused_engine(file.path, engine_params("", engine_precision::f32, 1));
    const lora_set          set  = random_adapter(e->targets(), 4, 1.0f, 3);
    const lora_set          once = train_once(*e, rows, { &set }).gradient;
    lora_set                twice = once;
    const auto              g     = random_coefficients(rows, p.n_embd);
    e->train(
        views(rows),
        [&](int32_t row, const float * hidden, float * d_hidden) {
            for (size_t i = 0; i < g[row].size(); ++i) {
                d_hidden[i] = g[row][i] + 0.5f * hidden[i];
            }
        },
        {}, twice);
    for (size_t m = 0; m < set.matrices.size(); ++m) {
        for (size_t i = 0; i < once.matrices[m].a.size(); ++i) {
            CHECK(twice.matrices[m].a[i] == 2.0f * once.matrices[m].a[i]);
        }
    }
}

TEST_CASE("a loss that couples rows: the same gradient with activations kept and computed twice") {
    const tiny_model_params p = small("llama");
    const temporary_model   file(p);
    const auto              rows = random_rows({ 5, 7, 9, 12, 4 }, p.n_vocab, 1);
    const size_t            d    = size_t(p.n_embd);

    // Each row's sum of hidden states, times the sum over all rows: every gradient depends on every row.
    const auto gradient_of = [&](int64_t coupled_bytes, int32_t n_threads, const char * fails) {
        fused_engine_params params = engine_params("", engine_precision::f32, n_threads);
        params.coupled_bytes       = coupled_bytes;
        const auto     e           = make_fused_engine(file.path, params);
        const lora_set set         = random_adapter(e->targets(), 3, 0.7f, 21);
        lora_set       gradient    = zeros_like(set);
        e->set_lora({ &set });
        std::vector<std::vector<float>> sums(rows.size(), std::vector<float>(d, 0.0f));
        std::vector<float>              all(d, 0.0f);
        int32_t                         n_met = 0;
        const auto                      fail  = [&](const std::string & where) {
            if (where == fails) {
                throw std::runtime_error(where);
            }
        };
        const auto run = [&] {
            e->train_coupled(
                views(rows),
                [&](int32_t row, const float * hidden) {
                    fail("gather");
                    std::fill(sums[row].begin(), sums[row].end(), 0.0f);
                    for (size_t i = 0; i < rows[row].tokens.size() * d; ++i) {
                        sums[row][i % d] += hidden[i];
                    }
                },
                [&] {
                    fail("meet");
                    ++n_met;
                    std::fill(all.begin(), all.end(), 0.0f);
                    for (const auto & sum : sums) {
                        for (size_t c = 0; c < d; ++c) {
                            all[c] += sum[c];
                        }
                    }
                },
                [&](int32_t row, const float *, float * d_hidden) {
                    fail("gradient");
                    for (size_t i = 0; i < rows[row].tokens.size() * d; ++i) {
                        d_hidden[i] += all[i % d] - sums[row][i % d];
                    }
                },
                gradient);
        };
        if (*fails) {
            CHECK_THROWS_WITH(run(), fails);
            fails    = ""; // and it goes on from there
            gradient = zeros_like(set);
            n_met    = 0;
        }
        run();
        CHECK(n_met == 1);
        return gradient;
    };
    const lora_set twice = gradient_of(0, 1, "");
    for (const int32_t n_threads : { 1, 2, 4, 8 }) { // 8: more threads than rows
        for (const char * fails : { "", "gather", "meet", "gradient" }) {
            CAPTURE(n_threads);
            CAPTURE(fails);
            const lora_set kept = gradient_of(int64_t(1) << 30, n_threads, fails);
            for (size_t m = 0; m < twice.matrices.size(); ++m) {
                for (size_t i = 0; i < twice.matrices[m].a.size(); ++i) {
                    CHECK(kept.matrices[m].a[i] == doctest::Approx(twice.matrices[m].a[i]).epsilon(1e-3).scale(1.0));
                }
            }
        }
    }
}
