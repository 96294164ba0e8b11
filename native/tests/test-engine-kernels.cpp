// Every kernel set that this machine runs, and AMX on emulated tiles, against plain double-precision loops.
#include "engine_fixture.h"

#include "engine/fused/fused-engine.h"
#include "engine/fused/kernel-choice.h"
#include "engine/fused/visibility.h"
#include "engine/fused/weights.h"

#include <doctest/doctest.h>

using namespace magnet;
using namespace magnet::fused;
using namespace magnet::testing;

namespace magnet::fused {
const kernel_set * kernel_set_amx_emulated();
}

namespace {

std::vector<const kernel_set *> all_sets() {
    std::vector<const kernel_set *> sets;
    for (const std::string & name : fused_engine_kernels()) {
        sets.push_back(&choose_kernels(name));
    }
    sets.push_back(kernel_set_amx_emulated());
    return sets;
}

std::mt19937 random_bits(1);

// A row-major matrix of T with the slack that kernels may read, filled with normal values; `values` are what it holds.
template <class T>
struct test_matrix {
    std::vector<T>      data;
    std::vector<double> values; // [rows, cols]
    int64_t             ld;

    test_matrix(int32_t rows, int32_t cols) : ld(round_up(cols, k_multiple) + 32) {
        std::normal_distribution<float> normal;
        data.resize((rows + row_slack) * ld);
        for (T & x : data) {
            from_float(normal(random_bits), x); // the slack, too: kernels must not let it through
        }
        for (int32_t r = 0; r < rows; ++r) {
            for (int32_t c = 0; c < cols; ++c) {
                values.push_back(to_float(data[r * ld + c]));
            }
        }
    }
};

// w [n, k] of which the packed form multiplies from the right, rounded to T.
template <class T>
struct test_weights {
    packed<T>           right;
    std::vector<double> values; // [n, k]

    test_weights(int32_t k, int32_t n, const kernel_table<T> & kernels, bool from_backward) : right(k, n) {
        std::normal_distribution<float> normal;
        std::vector<float>              w(int64_t(n) * k);
        for (float & x : w) {
            T rounded;
            from_float(normal(random_bits), rounded);
            x = to_float(rounded);
        }
        values.assign(w.begin(), w.end());
        const rounded_matrix<T> rounded(w.data(), n, k, kernels);
        if (from_backward) {
            packed<T> backward(n, k);
            rounded.pack_backward(backward);
            right = transposed(backward);
        } else {
            rounded.pack_forward(right);
        }
    }
};

template <class T>
double tolerance() {
    return sizeof(T) == sizeof(float) ? 1e-5 : 1e-2; // of results stored as T
}

template <class T>
void test_gemm(const kernel_set & set) {
    const kernel_table<T> & kernels = table_of<T>(set);
    for (int32_t round = 0; round < 60; ++round) {
        const int32_t m       = 1 + int32_t(random_bits() % (round % 2 ? 20 : 90));
        const int32_t n       = 1 + int32_t(random_bits() % (round % 3 ? 40 : 150));
        const int32_t n_terms = 1 + round % 3;
        CAPTURE(m);
        CAPTURE(n);

        std::vector<test_matrix<T>>  left;
        std::vector<test_weights<T>> right;
        std::vector<double>          expected(int64_t(m) * n, 0.0);
        gemm_args<T>                 args;
        std::vector<uint32_t>        keys(m);
        for (uint32_t & key : keys) {
            key = uint32_t(random_bits());
        }
        const dropout_mask mask    = { keys.data(), 0x60000000u, 1.6f };
        const bool         dropout = round % 4 == 3;
        left.reserve(n_terms);
        right.reserve(n_terms);
        args.m = m;
        args.n = n;
        for (int32_t t = 0; t < n_terms; ++t) {
            const int32_t k = 1 + int32_t(random_bits() % 100);
            left.emplace_back(m, k);
            right.emplace_back(k, n, kernels, round % 2 == 1);
            product<T> term = right[t].right.times(left[t].data.data(), left[t].ld);
            // The mask as the kernels' own `drop` draws it: a matrix of ones, dropped.
            std::vector<T> kept(int64_t(m) * n);
            if (dropout && t == 0) {
                std::vector<T> ones(int64_t(m) * n);
                for (T & one : ones) {
                    from_float(1.0f, one);
                }
                kernels.drop(ones.data(), n, m, n, mask, kept.data(), n);
                term.dropped = &mask;
            }
            args.add(term);
            for (int32_t i = 0; i < m; ++i) {
                for (int32_t j = 0; j < n; ++j) {
                    double sum = 0.0;
                    for (int32_t c = 0; c < k; ++c) {
                        sum += left[t].values[int64_t(i) * k + c] * right[t].values[int64_t(j) * k + c];
                    }
                    const bool zero = dropout && t == 0 && to_float(kept[int64_t(i) * n + j]) == 0.0f;
                    expected[int64_t(i) * n + j] += zero ? 0.0 : sum * (dropout && t == 0 ? 1.6 : 1.0);
                }
            }
        }
        std::vector<float> bias(round_up(n, panel_width), 0.0f);
        if (round % 5 == 0) {
            for (int32_t j = 0; j < n; ++j) {
                bias[j] = float(j % 7) - 3.0f;
                for (int32_t i = 0; i < m; ++i) {
                    expected[int64_t(i) * n + j] += bias[j];
                }
            }
            args.bias = bias.data();
        }

        std::vector<float> out(int64_t(m) * n, -99.0f);
        std::vector<float> sum(int64_t(m) * n, 0.5f);
        std::vector<T>     as_t(int64_t(m) * n);
        const int32_t      shares = 1 + round % 3;
        for (int32_t rank = 0; rank < shares; ++rank) {
            args.part = { rank, shares };
            kernels.gemm_f32(args, out.data(), n);
            kernels.gemm_add(args, sum.data(), n);
            kernels.gemm(args, as_t.data(), n);
        }
        CHECK(relative_error(out, expected) < 1e-5);
        std::vector<float> widened;
        for (size_t i = 0; i < expected.size(); ++i) {
            sum[i] -= 0.5f;
            widened.push_back(to_float(as_t[i]));
        }
        CHECK(relative_error(sum, expected) < 1e-5);
        CHECK(relative_error(widened, expected) < tolerance<T>());
    }
}

double silu(double x) { return x / (1.0 + std::exp(-x)); }

template <class T>
void test_gated(const kernel_set & set) {
    const kernel_table<T> & kernels = table_of<T>(set);
    for (const activation act : { activation::silu, activation::gelu_tanh }) {
        const auto      f = act == activation::silu ? silu : gelu_tanh;
        const int32_t   m = 29, n = 71, k = 50;
        test_matrix<T>  x(m, k);
        test_weights<T> gate(k, n, kernels, false), up(k, n, kernels, false);
        std::vector<T>  h(m * n), kept(kept_size(m, n));
        const auto      kept_at = [&](int32_t i, int32_t which) { // entry i of [m, n], gate or up
            return to_float(kept[((i % n / panel_width * m + i / n) * 2 + which) * panel_width + i % n % panel_width]);
        };
        gated_args<T>   args;
        args.gate.m = args.up.m = m;
        args.gate.n = args.up.n = n;
        args.gate.add(gate.right.times(x.data.data(), x.ld));
        args.up.add(up.right.times(x.data.data(), x.ld));
        args.act  = act;
        args.h    = h.data();
        args.kept = kept.data();
        args.ldh  = n;
        kernels.gated(args);

        std::vector<double> expected(m * n);
        std::vector<float>  got(m * n);
        for (int32_t i = 0; i < m * n; ++i) {
            double gs = 0.0, us = 0.0;
            for (int32_t c = 0; c < k; ++c) {
                gs += x.values[i / n * k + c] * gate.values[i % n * k + c];
                us += x.values[i / n * k + c] * up.values[i % n * k + c];
            }
            expected[i] = f(gs) * us;
            got[i]      = to_float(h[i]);
        }
        CHECK(relative_error(got, expected) < tolerance<T>());

        // Backward: dh = a product; gradients of gate and up by differences of the formula.
        test_matrix<T>         dy(m, k);
        test_weights<T>        down(k, n, kernels, true);
        std::vector<T>         dg(m * n), du(m * n), h2(m * n);
        gated_backward_args<T> back;
        back.dh.m = m;
        back.dh.n = n;
        back.dh.add(down.right.times(dy.data.data(), dy.ld));
        back.act    = act;
        back.kept   = kept.data();
        back.d_gate = dg.data();
        back.d_up   = du.data();
        back.h      = h2.data();
        back.ld_d = back.ldh = n;
        kernels.gated_backward(back);
        std::vector<double> expected_dg(m * n), expected_du(m * n);
        std::vector<float>  got_dg(m * n), got_du(m * n), got_h(m * n);
        for (int32_t i = 0; i < m * n; ++i) {
            double dh = 0.0;
            for (int32_t c = 0; c < k; ++c) {
                dh += dy.values[i / n * k + c] * down.values[i % n * k + c];
            }
            const double gi = kept_at(i, 0), ui = kept_at(i, 1);
            expected_dg[i] = dh * ui * (f(gi + 1e-5) - f(gi - 1e-5)) / 2e-5;
            expected_du[i] = dh * f(gi);
            got_dg[i]      = to_float(dg[i]);
            got_du[i]      = to_float(du[i]);
            got_h[i]       = to_float(h2[i]);
        }
        CHECK(relative_error(got_dg, expected_dg) < tolerance<T>());
        CHECK(relative_error(got_du, expected_du) < tolerance<T>());
        CHECK(relative_error(got_h, expected) < 2 * tolerance<T>());
    }
}

template <class T>
void test_attention(const kernel_set & set) {
    const kernel_table<T> & kernels = table_of<T>(set);
    for (const int32_t dim : { 6, 64, 40 }) {
        for (const int32_t n : { 1, 7, 45, 140, 331 }) {
            const bool    special = dim == 40; // a window, and a cap of the scores
            const int32_t window  = special ? n / 3 + 1 : 0;
            head_layout   l;
            l.cap       = special ? 1.5f : 0.0f;
            l.n_head    = 4;
            l.n_head_kv = 2;
            l.head_dim  = dim;
            l.scale     = 0.7f / std::sqrt(float(dim));
            test_matrix<T> qkv(n, l.size());
            test_matrix<T> out(n, l.q_size());
            std::vector<float> lse(l.n_head * n);

            // Roles at random, positions shuffled, with gaps.
            std::vector<int8_t>  roles(n);
            std::vector<int32_t> pos(n);
            for (int32_t i = 0; i < n; ++i) {
                roles[i] = int8_t(n > 100 ? i / 50 % 3 : random_bits() % 3); // in long runs where there is room
                pos[i]   = int32_t(n > 100 ? i : random_bits() % uint32_t(2 * n));
            }
            const engine_row     row = { nullptr, pos.data(), roles.data(), n };
            const row_visibility visible(row);
            const visibility     sees = visible.view(window);

            attention_args<T> args;
            args.heads  = &l;
            args.sees   = &sees;
            args.n      = n;
            args.qkv    = qkv.data.data();
            args.ld     = qkv.ld;
            args.out    = out.data.data();
            args.ld_out = out.ld;
            args.lse    = lse.data();
            for (int32_t kv = 0; kv < l.n_head_kv; ++kv) {
                kernels.attention(args, kv, 0, n / 2);
                kernels.attention(args, kv, n / 2, n);
            }
            const auto at = [&](int32_t t, int32_t c) { return qkv.values[int64_t(t) * l.size() + c]; };
            std::vector<double> expected(int64_t(n) * l.q_size());
            std::vector<float>  got(expected.size());
            for (int32_t h = 0; h < l.n_head; ++h) {
                const int32_t k0 = l.q_size() + h / 2 * dim, v0 = k0 + l.k_size();
                for (int32_t q = 0; q < n; ++q) {
                    std::vector<double> p(n);
                    double              sum = 0.0;
                    for (int32_t k = 0; k < n; ++k) {
                        double s = 0.0;
                        for (int32_t c = 0; c < dim; ++c) {
                            s += at(q, h * dim + c) * at(k, k0 + c);
                        }
                        s               = special ? l.cap * std::tanh(s * l.scale / l.cap) : s * l.scale;
                        const bool near = !special || pos[q] - pos[k] < window;
                        p[k] = near && magnet_mask_allows(roles[q], pos[q], roles[k], pos[k]) ? std::exp(s) : 0.0;
                        sum += p[k];
                    }
                    CHECK(lse[h * n + q] == doctest::Approx(std::log(sum)).epsilon(1e-4));
                    for (int32_t c = 0; c < dim; ++c) {
                        double y = 0.0;
                        for (int32_t k = 0; k < n; ++k) {
                            y += p[k] / sum * at(k, v0 + c);
                        }
                        expected[int64_t(q) * l.q_size() + h * dim + c] = y;
                        got[int64_t(q) * l.q_size() + h * dim + c] =
                            to_float(out.data[q * out.ld + h * dim + c]);
                    }
                }
            }
            CAPTURE(dim);
            CAPTURE(n);
            CHECK(relative_error(got, expected) < tolerance<T>());
        }
    }
}

double greatest_difference(const std::vector<float> & a, const std::vector<double> & b) {
    double greatest = 0.0;
    for (size_t i = 0; i < a.size(); ++i) {
        greatest = std::max(greatest, std::abs(a[i] - b[i]));
    }
    return greatest;
}

template <class T>
void test_head(const kernel_set & set) {
    const kernel_table<T> & kernels = table_of<T>(set);
    for (const int32_t n : { 1, 5, 33, 5000, 49157 }) {
        std::vector<float>              x(n), got(n);
        std::vector<T>                  y(n);
        std::vector<double>             expected(n);
        std::normal_distribution<float> normal(3.0f, 8.0f);
        double                          sum = 0.0;
        for (float & v : x) {
            v = normal(random_bits);
            sum += std::exp(double(v));
        }
        const int32_t target = n / 2;
        const float   lse    = kernels.log_sum_exp(x.data(), n);
        CHECK(lse == doctest::Approx(std::log(sum)).epsilon(1e-6));
        kernels.softmax_gradient(x.data(), n, lse, target, 0.25f, y.data());
        for (int32_t i = 0; i < n; ++i) {
            expected[i] = 0.25 * (std::exp(x[i]) / sum - (i == target ? 1.0 : 0.0));
            got[i]      = to_float(y[i]);
        }
        CHECK(greatest_difference(got, expected) < tolerance<T>()); // of numbers up to 1, small ones among them

        std::vector<float> base(n);
        double             sum_base = 0.0, divergence = 0.0;
        for (float & v : base) {
            v = normal(random_bits);
            sum_base += std::exp(double(v));
        }
        for (int32_t i = 0; i < n; ++i) {
            const double p = std::exp(base[i]) / sum_base, q = std::exp(x[i]) / sum;
            expected[i] = 0.25 * (q - p);
            divergence += p * std::log(p / q);
        }
        const float lse_base = kernels.log_sum_exp(base.data(), n);
        const float found    = kernels.softmax_difference(x.data(), lse, base.data(), lse_base, n, 0.25f, y.data());
        CHECK(found == doctest::Approx(divergence).epsilon(1e-4).scale(1));
        CHECK(kernels.softmax_difference(x.data(), lse, base.data(), lse_base, n, 0.25f, static_cast<T *>(nullptr)) == found);
        for (int32_t i = 0; i < n; ++i) {
            got[i] = to_float(y[i]);
        }
        CHECK(greatest_difference(got, expected) < tolerance<T>()); // of numbers up to 1, small ones among them

        // The same in three parts, behind a cap of 30.
        std::vector<float> capped = x;
        kernels.cap(capped.data(), n, 2.0f, 30.0f);
        softmax_state      state;
        std::vector<float> decays(n, 1.0f);
        const int32_t      cuts[] = { 0, n / 3, n / 2, n };
        for (int32_t part = 0; part < 3; ++part) {
            const int32_t begin = cuts[part], size = cuts[part + 1] - begin;
            const float   decay = kernels.softmax_part(state, capped.data() + begin, size, target - begin, 30.0f, y.data() + begin);
            for (int32_t i = 0; i < begin; ++i) {
                decays[i] *= decay;
            }
        }
        sum = 0.0;
        for (const float v : x) {
            sum += std::exp(30.0 * std::tanh(v / 15.0));
        }
        CHECK(state.max + std::log(state.total) == doctest::Approx(std::log(sum)).epsilon(1e-6));
        CHECK(state.score == doctest::Approx(30.0 * std::tanh(x[target] / 15.0)).epsilon(1e-5));
        for (int32_t i = 0; i < n; ++i) {
            const double c = 30.0 * std::tanh(x[i] / 15.0);
            expected[i]    = i == target ? 0.0 : std::exp(c) / sum * (1.0 - c * c / 900.0);
            got[i]         = to_float(y[i]) * decays[i] / state.total;
        }
        CHECK(greatest_difference(got, expected) < 2 * tolerance<T>());
    }
}

template <class T>
void test_dropout(const kernel_set & set) {
    const int32_t         rows = 200, n = 517;
    std::vector<uint32_t> keys(rows);
    for (uint32_t & key : keys) {
        key = uint32_t(random_bits());
    }
    const dropout_mask mask = { keys.data(), uint32_t(0.3 * 4294967296.0), 1.0f / 0.7f };
    std::vector<T>     x(rows * n), y(rows * n);
    for (T & v : x) {
        from_float(1.0f, v);
    }
    table_of<T>(set).drop(x.data(), n, rows, n, mask, y.data(), n);
    int32_t zeros = 0, repeats = 0;
    for (int32_t i = 0; i < rows * n; ++i) {
        const float v = to_float(y[i]);
        zeros += v == 0.0f;
        CHECK((v == 0.0f || v == doctest::Approx(1.0 / 0.7).epsilon(4e-3)));
        repeats += i >= n && v == to_float(y[i - n]);
    }
    CHECK(zeros / double(rows * n) == doctest::Approx(0.3).epsilon(0.02));
    // Two rows agree as often as independent masks would: 0.3^2 + 0.7^2.
    CHECK(repeats / double((rows - 1) * n) == doctest::Approx(0.58).epsilon(0.02));
}

template <class T>
void test_all(const kernel_set & set) {
    CAPTURE(set.name);
    CAPTURE(sizeof(T));
    test_gemm<T>(set);
    test_gated<T>(set);
    test_attention<T>(set);
    test_head<T>(set);
    test_dropout<T>(set);
}

} // namespace

TEST_CASE("kernels agree with plain loops") {
    for (const kernel_set * set : all_sets()) {
        test_all<bf16>(*set);
        test_all<float>(*set);
    }
}

TEST_CASE("what is no number stays none when it is rounded to bf16") {
    std::vector<float> x(64, 1.0f);
    for (size_t i = 0; i < x.size(); i += 2) { // the mantissa's bits all set, one set, and infinity
        const uint32_t bits[] = { 0x7fffffff, 0xffffffff, 0x7f800001, 0x7fc00000 };
        std::memcpy(&x[i], &bits[i / 2 % 4], sizeof x[i]);
    }
    x[63] = INFINITY;
    for (const kernel_set * set : all_sets()) {
        std::vector<bf16> y(x.size() + row_slack);
        set->bf16_table->convert(x.data(), 64, 1, 64, y.data(), 64);
        CAPTURE(set->name);
        for (size_t i = 0; i < x.size(); ++i) {
            CHECK(std::isnan(to_float(y[i])) == std::isnan(x[i]));
            bf16 one;
            from_float(x[i], one);
            CHECK(std::isnan(to_float(one)) == std::isnan(x[i]));
        }
        CHECK(to_float(y[63]) == INFINITY);
    }
}

TEST_CASE("an unknown kernel is refused with the list of those that run") {
    CHECK_THROWS_WITH_AS(choose_kernels("quantum"), doctest::Contains("generic"), magnet::error);
}

TEST_CASE("the engine on emulated AMX tiles agrees with the reference") {
    tiny_model_params p;
    p.n_embd   = 72;
    p.head_dim = p.n_rot = 20;
    p.n_ff     = 90;
    const temporary_model file(p);
    const reference_model reference(file.path);
    const auto            rows = random_rows({ 3, 40, 33, 170 }, p.n_vocab, 2);
    const auto how = engine_params("", engine_precision::bf16, 2);
    const auto e   = make_fused_engine(load_weights(file.path, how, *kernel_set_amx_emulated()), how);
    const auto exact   = make_fused_engine(file.path, engine_params("", engine_precision::f32, 2));
    const lora_set set = random_adapter(reference.targets(), 5, 0.5f, 3);
    e->set_lora({ &set });
    exact->set_lora({ &set });
    const auto hidden = hidden_of(*e, views(rows));
    for (size_t i = 0; i < rows.size(); ++i) {
        CHECK(cosine(hidden[i], reference.hidden(rows[i].view(), { &set })) > 0.9995);
    }
    std::vector<lora_set> gradients;
    for (engine * trained : { e.get(), exact.get() }) {
        gradients.push_back(zeros_like(set));
        trained->train(
            views(rows),
            [&](int32_t row, const float * h, float * d_hidden) {
                for (int32_t i = 0; i < int32_t(rows[row].tokens.size()) * p.n_embd; ++i) {
                    d_hidden[i] += 0.1f * h[i] + float(i % 5) - 2.0f;
                }
            },
            {}, gradients.back());
    }
    for (size_t m = 0; m < set.matrices.size(); ++m) {
        CHECK(cosine(gradients[0].matrices[m].a, gradients[1].matrices[m].a) > 0.995);
        CHECK(cosine(gradients[0].matrices[m].b, gradients[1].matrices[m].b) > 0.995);
    }
}
