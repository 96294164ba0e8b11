// Encoder and decoder on tiny models against two independent references: Hugging Face transformers (golden files) and a
// dense double-precision forward pass written for the tests.
#include <doctest/doctest.h>

#include "golden.h"
#include "magnet-mask.h"
#include "reference_model.h"
#include "session/decoder.h"
#include "session/encoder.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

using namespace magnet;
using namespace magnet::testing;

namespace {

const std::atomic<bool> never{ false };

constexpr const char * architectures[] = { "llama", "llama3", "qwen2", "qwen3", "phi3", "gemma2", "gemma3", "olmo2", "gpt2" };

std::shared_ptr<model> load(const std::string & arch) {
    magnet_model_params params = {};
    params.use_mmap            = true;
    return model::load(golden_dir() + "tiny-" + arch + ".gguf", params);
}

std::unique_ptr<encoder> make_encoder(const std::shared_ptr<model> & m, int32_t flash) {
    return make_graph_encoder(m, { { 1, false }, 2048, flash }, never);
}

encoder_row as_row(const nlohmann::json & c) {
    encoder_row row;
    row.tokens = integers<int32_t>(c.at("tokens"));
    row.pos    = integers<int32_t>(c.at("positions"));
    row.roles  = integers<int8_t>(c.at("roles"));
    row.outputs.resize(row.tokens.size());
    std::iota(row.outputs.begin(), row.outputs.end(), 0);
    return row;
}

template <typename A, typename B>
double largest_difference(const A & a, const B & b) {
    REQUIRE(a.size() == b.size());
    double d = 0.0;
    for (size_t i = 0; i < a.size(); ++i) {
        d = std::max(d, std::fabs((double) a[i] - (double) b[i]));
    }
    return d;
}

std::vector<float> hidden_of(encoder & e, const model & m, const encoder_row & row) {
    std::vector<float> out(row.outputs.size() * m.n_embd());
    e.hidden(
        { row }, [&](int32_t, int32_t o, const float * h) { std::copy(h, h + m.n_embd(), out.begin() + o * m.n_embd()); },
        [](int32_t) { return true; });
    return out;
}

// Keys and values are rounded to half precision by flash attention (2^-11 relative); gemma2, gemma3 and gpt2 take GELU from
// ggml's half-precision table. Hidden states are of order 1.
double tolerance(const std::string & arch, bool flash) {
    return arch == "gemma2" || arch == "gemma3" || arch == "gpt2" ? 2e-2 : flash ? 2e-2 : 2e-5;
}

// A row with two gaps and random roles of the four patterns.
encoder_row random_row(std::mt19937 & rng, int32_t n_vocab, int32_t n, int8_t context, bool gaps) {
    encoder_row row;
    for (int32_t i = 0; i < n; ++i) {
        row.tokens.push_back((int32_t) (rng() % n_vocab));
        row.pos.push_back(i + (i > n / 2 ? 3 : 0)); // slack behind the first half
        row.roles.push_back(gaps && (i % 7 == 3 || i % 7 == 4) ? (int8_t) MAGNET_MASK_SPAN : context);
    }
    row.outputs.resize(n);
    std::iota(row.outputs.begin(), row.outputs.end(), 0);
    return row;
}

} // namespace

TEST_CASE("hidden states and logits agree with transformers under every pattern of roles") {
    for (const std::string arch : architectures) {
        const auto           m      = load(arch);
        const nlohmann::json golden = read_golden("tiny-inference-" + arch + ".json");
        for (const int32_t flash : { 0, 1 }) {
            const auto e = make_encoder(m, flash);
            for (const auto & c : golden.at("cases")) {
                CAPTURE(arch);
                CAPTURE(flash);
                CAPTURE(c.at("name").get<std::string>());
                const encoder_row        row    = as_row(c);
                const std::vector<float> hidden = hidden_of(*e, *m, row);
                CHECK(largest_difference(hidden, floats(c.at("hidden"))) < tolerance(arch, flash));

                encoder_row ends = row;
                ends.outputs     = integers<int32_t>(c.at("logit_rows"));
                std::vector<float> logits(ends.outputs.size() * m->n_vocab());
                e->logits({ ends }, [&](int32_t, int32_t o, const float * l) {
                    std::copy(l, l + m->n_vocab(), logits.begin() + (int64_t) o * m->n_vocab());
                }, [](int32_t) { return true; });
                CHECK(largest_difference(logits, floats(c.at("logits"))) < 2 * tolerance(arch, flash));
            }
        }
    }
}

TEST_CASE("the dense reference itself agrees with transformers") {
    for (const std::string arch : architectures) {
        const reference_model reference(golden_dir() + "tiny-" + arch + ".gguf");
        const nlohmann::json  golden = read_golden("tiny-inference-" + arch + ".json");
        for (const auto & c : golden.at("cases")) {
            CAPTURE(arch);
            CAPTURE(c.at("name").get<std::string>());
            const encoder_row         row    = as_row(c);
            const engine_row          view   = { row.tokens.data(), row.pos.data(), row.roles.data(), row.n_tokens() };
            const std::vector<double> hidden = reference.hidden(view);
            CHECK(largest_difference(hidden, floats(c.at("hidden"))) < 1e-5);
            std::vector<double> ends;
            for (const int32_t i : integers<int32_t>(c.at("logit_rows"))) {
                ends.insert(ends.end(), hidden.begin() + (int64_t) i * reference.n_embd(),
                            hidden.begin() + (int64_t) (i + 1) * reference.n_embd());
            }
            CHECK(largest_difference(reference.logits(ends), floats(c.at("logits"))) < 2e-5); // of PyTorch's float32
        }
    }
}

TEST_CASE("several sequences in one pass, each by its own roles, agree with the dense reference") {
    std::mt19937 rng(3);
    for (const std::string arch : architectures) {
        const auto            m = load(arch);
        const reference_model reference(m->path());
        for (const int32_t flash : { 0, 1 }) {
            const auto               e = make_encoder(m, flash);
            std::vector<encoder_row> rows;
            for (int32_t i = 0; i < 9; ++i) {
                rows.push_back(random_row(rng, m->n_vocab(), 1 + (int32_t) (rng() % 30),
                                          i % 2 ? MAGNET_MASK_CONTEXT : MAGNET_MASK_ORDERED, i % 3 != 0));
                rows.back().weights.assign(rows.back().outputs.size(), 0.0f);
                for (float & w : rows.back().weights) {
                    w = (float) (rng() % 100) / 100.0f;
                }
            }
            std::vector<float> pooled(rows.size() * m->n_embd());
            e->pooled(rows, pooled.data(), [](int32_t) { return true; });

            for (size_t r = 0; r < rows.size(); ++r) {
                const engine_row          view = { rows[r].tokens.data(), rows[r].pos.data(), rows[r].roles.data(),
                                                   rows[r].n_tokens() };
                const std::vector<double> hidden = reference.hidden(view);
                std::vector<double>       expected(m->n_embd(), 0.0);
                for (int32_t i = 0; i < view.n_tokens; ++i) {
                    for (int32_t d = 0; d < m->n_embd(); ++d) {
                        expected[d] += rows[r].weights[i] * hidden[(size_t) i * m->n_embd() + d];
                    }
                }
                const std::vector<float> got(pooled.begin() + r * m->n_embd(), pooled.begin() + (r + 1) * m->n_embd());
                CAPTURE(arch);
                CAPTURE(flash);
                CAPTURE(r);
                CHECK(largest_difference(got, expected) < view.n_tokens * tolerance(arch, flash));
            }
        }
    }
}

TEST_CASE("a context encoded once and spans decoded into it give the logits of one pass over all") {
    std::mt19937 rng(11);
    for (const std::string arch : architectures) {
        const auto            m = load(arch);
        const reference_model reference(m->path());
        for (const int32_t flash : { 0, 1 }) {
            for (const int8_t context : { (int8_t) MAGNET_MASK_CONTEXT, (int8_t) MAGNET_MASK_ORDERED }) {
                CAPTURE(arch);
                CAPTURE(flash);
                CAPTURE(int(context));
                const encoder_row row = random_row(rng, m->n_vocab(), 30, context, true);

                // the dense reference, once over everything
                const engine_row view = { row.tokens.data(), row.pos.data(), row.roles.data(), row.n_tokens() };
                const auto       expected = reference.logits(reference.hidden(view));
                const auto       expect   = [&](int32_t i, const float * logits) {
                    double d = 0.0;
                    for (int32_t v = 0; v < m->n_vocab(); ++v) {
                        d = std::max(d, std::fabs(expected[(size_t) i * m->n_vocab() + v] - logits[v]));
                    }
                    // the KV cache holds half precision, with flash attention or without
                    CHECK(d < 2e-2);
                };

                // the same in steps: all context, then span token after span token
                const auto        d = make_graph_decoder(m, { 256, { 1, false }, flash, MAGNET_CACHE_F16, true }, never);
                std::vector<slot> context_slots, spans;
                for (int32_t i = 0; i < row.n_tokens(); ++i) {
                    (row.roles[i] == MAGNET_MASK_SPAN ? spans : context_slots)
                        .push_back({ row.tokens[i], row.pos[i], row.roles[i], 0 });
                }
                d->begin(256);
                int32_t n_reused = -1;
                if (context == MAGNET_MASK_CONTEXT) {
                    expect(2, d->set_context(context_slots, context_slots[2], false, n_reused));
                    expect(7, d->decode_again(context_slots[5])); // index 7 of the row: two spans lie before it
                } else {
                    expect(3, d->set_context(context_slots, spans[0], false, n_reused));
                }
                CHECK(n_reused == 0);
                for (const slot & s : spans) {
                    if (context == MAGNET_MASK_ORDERED && s.pos == spans[0].pos) {
                        continue; // went in with the context
                    }
                    const auto at = std::find(row.pos.begin(), row.pos.end(), s.pos) - row.pos.begin();
                    expect((int32_t) at, d->decode(s, false));
                }

                // again on the same decoder: all of the context comes from the cache
                const slot & predictor = context == MAGNET_MASK_CONTEXT ? context_slots[2] : spans[0];
                expect(context == MAGNET_MASK_CONTEXT ? 2 : 3, d->set_context(context_slots, predictor, false, n_reused));
                CHECK(n_reused == (int32_t) context_slots.size());
            }
        }
    }
}

TEST_CASE("what a span holds changes no output of the context, to the bit") {
    std::mt19937 rng(5);
    for (const std::string arch : architectures) {
        const auto m = load(arch);
        for (const int32_t flash : { 0, 1 }) {
            for (const int8_t context : { (int8_t) MAGNET_MASK_CONTEXT, (int8_t) MAGNET_MASK_ORDERED }) {
                const auto               e      = make_encoder(m, flash);
                encoder_row              row    = random_row(rng, m->n_vocab(), 40, context, true);
                const std::vector<float> before = hidden_of(*e, *m, row);
                for (int32_t i = 0; i < row.n_tokens(); ++i) {
                    if (row.roles[i] == MAGNET_MASK_SPAN) {
                        row.tokens[i] = (row.tokens[i] + 1) % m->n_vocab();
                    }
                }
                const std::vector<float> after = hidden_of(*e, *m, row);
                int32_t                  n_span_changed = 0;
                for (int32_t i = 0; i < row.n_tokens(); ++i) {
                    const bool same = std::equal(before.begin() + (int64_t) i * m->n_embd(),
                                                 before.begin() + (int64_t) (i + 1) * m->n_embd(),
                                                 after.begin() + (int64_t) i * m->n_embd());
                    if (row.roles[i] == MAGNET_MASK_SPAN) {
                        n_span_changed += !same;
                    } else {
                        CHECK(same);
                    }
                }
                CHECK(n_span_changed > 0); // the test looks at something
            }
        }
    }
}
