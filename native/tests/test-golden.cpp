// The default model (SmolLM2-135M-Instruct) through magnet.h against Hugging Face transformers on the same weights, which
// it dequantises. MAGNET_MODEL names the GGUF file: the Q4_1 one, or that one with all weights in F32 (dequantize.cpp).
#include <doctest/doctest.h>

#include "magnet.h"
#include "golden.h"

#include <cmath>
#include <cstdlib>
#include <memory>

using namespace magnet::testing;

namespace {

// The F32 file goes through llama.cpp's graph, whose products are then exact; the Q4_1 file through the engine that is
// the default, whose products are bf16.
//
// On a short text without instruction the base, never trained to look to its right, is chaotic: PyTorch's own bf16 comes
// within cosine 0.84 of its float32 on "Rain again", and its autocast within 0.986 on "Yes.".
struct bounds {
    bool   f32;
    double cosine;
    double cosine_untrained; // bidirectional, no instruction
    double mean_logprob_difference;
};

bounds bounds_of(magnet_model * model) {
    magnet_model_info info = {};
    REQUIRE(magnet_model_get_info(model, &info) == MAGNET_STATUS_OK);
    return info.n_bytes > 3 * info.n_params ? bounds{ true, 0.999, 0.999, 0.01 } : bounds{ false, 0.99, 0.8, 0.1 };
}

struct opened {
    magnet_model *   model   = nullptr;
    magnet_session * session = nullptr;

    opened() {
        const char * path = std::getenv("MAGNET_MODEL");
        if (!path) {
            FAIL("MAGNET_MODEL is not set; scripts/fetch-model.sh prints the path");
        }
        REQUIRE_MESSAGE(magnet_model_load(path, nullptr, &model) == MAGNET_STATUS_OK, magnet_last_error());
        magnet_session_params params = magnet_session_default_params();
        params.n_threads             = 1;
        params.engine                = bounds_of(model).f32 ? MAGNET_ENGINE_GRAPH : MAGNET_ENGINE_AUTO;
        REQUIRE_MESSAGE(magnet_session_create(model, &params, &session) == MAGNET_STATUS_OK, magnet_last_error());
    }
    ~opened() {
        magnet_session_free(session);
        magnet_model_free(model);
    }
};

double cosine(const std::vector<float> & a, const std::vector<float> & b) {
    REQUIRE(a.size() == b.size());
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        ab += (double) a[i] * b[i];
        aa += (double) a[i] * a[i];
        bb += (double) b[i] * b[i];
    }
    return ab / std::sqrt(aa * bb);
}

magnet_text text_of(const std::string & s) {
    return { s.data(), (int32_t) s.size() };
}

} // namespace

TEST_CASE("the tokens of every sentence are those of the reference") {
    opened m;
    const nlohmann::json golden = read_golden("default-embedding.json");
    for (const auto & c : golden.at("cases")) {
        const std::string    text     = c.at("text");
        const auto           expected = integers<int32_t>(c.at("tokens"));
        std::vector<int32_t> tokens(text.size() + 8);
        int32_t              n = 0;
        REQUIRE(magnet_tokenize(m.model, text_of(text), false, false, tokens.data(), (int32_t) tokens.size(), &n) ==
                MAGNET_STATUS_OK);
        tokens.resize(n);
        CHECK(tokens == expected);
    }
}

TEST_CASE("pooled vectors and token vectors point where those of the reference point") {
    opened               m;
    const nlohmann::json golden     = read_golden("default-embedding.json");
    const auto           projection = floats(golden.at("projection")); // [D, 8]
    const std::string    prefix     = golden.at("prefix");
    const int32_t        n_embd     = 576;
    double               worst_pooled = 1.0, worst_tokens = 1.0;

    for (const auto & c : golden.at("cases")) {
        const std::string text = c.at("text");
        for (const auto & run : c.at("runs")) {
            CAPTURE(text);
            CAPTURE(run.at("attention").get<std::string>());
            CAPTURE(run.at("prefix").get<bool>());
            const bool          with_prefix = run.at("prefix");
            const bool          untrained   = !with_prefix && run.at("attention") == "bidirectional";
            const double        least       = untrained ? bounds_of(m.model).cosine_untrained : bounds_of(m.model).cosine;
            magnet_embed_params params      = magnet_embed_default_params();
            params.instruction              = with_prefix ? prefix.c_str() : "";
            params.normalize                = false;
            params.attention = run.at("attention") == "causal" ? MAGNET_ATTENTION_CAUSAL : MAGNET_ATTENTION_BIDIRECTIONAL;

            for (const auto & [pooling, name] : { std::pair(MAGNET_POOLING_LAST, "last"), { MAGNET_POOLING_MEAN, "mean" } }) {
                params.pooling = pooling;
                std::vector<float> vector(n_embd);
                const magnet_text  t = text_of(text);
                REQUIRE_MESSAGE(magnet_embed(m.session, &t, 1, &params, vector.data(), n_embd, nullptr) == MAGNET_STATUS_OK,
                                magnet_last_error());
                const double cos = cosine(vector, floats(run.at(name)));
                worst_pooled     = std::min(worst_pooled, cos);
                CHECK(cos >= least);
            }

            // token vectors: eight random projections of each
            const int32_t      n = (int32_t) c.at("tokens").size();
            std::vector<float> vectors((size_t) n * n_embd);
            int32_t            n_out = 0;
            REQUIRE_MESSAGE(magnet_embed_tokens(m.session, text_of(text), &params, vectors.data(), nullptr, n, &n_out) ==
                                MAGNET_STATUS_OK,
                            magnet_last_error());
            REQUIRE(n_out == n);
            const auto         all    = floats(run.at("projected")); // [input tokens, 8]
            const int32_t      offset = with_prefix ? (int32_t) golden.at("prefix_tokens").size() : 0;
            std::vector<float> expected(all.begin() + 8 * offset, all.begin() + 8 * (offset + n)), got;
            for (int32_t i = 0; i < n; ++i) {
                for (int32_t k = 0; k < 8; ++k) {
                    double sum = 0.0;
                    for (int32_t d = 0; d < n_embd; ++d) {
                        sum += (double) vectors[(size_t) i * n_embd + d] * projection[(size_t) d * 8 + k];
                    }
                    got.push_back((float) sum);
                }
            }
            const double cos = cosine(got, expected);
            worst_tokens     = std::min(worst_tokens, cos);
            CHECK(cos >= least);
        }
    }
    MESSAGE("lowest cosine: pooled " << worst_pooled << ", projected token vectors " << worst_tokens);
}

TEST_CASE("log-probabilities of filled gaps are those of the reference, under every mask") {
    opened               m;
    const nlohmann::json golden = read_golden("default-infill.json");
    double sum_difference = 0.0, largest = 0.0, sum_expected = 0.0, sum_got = 0.0;
    int    n = 0;
    for (const auto & c : golden.at("cases")) {
        for (const auto & run : c.at("runs")) {
            const std::string              mask = run.at("mask");
            const std::vector<std::string> texts = c.at("parts");
            const auto                     slack = integers<int32_t>(run.at("slack"));
            std::vector<magnet_part>       parts;
            for (size_t i = 0; i < texts.size(); ++i) {
                magnet_part part = {};
                part.type        = i % 2 ? MAGNET_PART_GAP : MAGNET_PART_TEXT;
                part.text        = text_of(texts[i]);
                part.keep_space  = true; // the reference cuts the template as it is written
                if (i % 2) {
                    part.length = (int32_t) c.at("tokens")[i].size() + (mask == "causal" ? 0 : slack[i / 2]);
                }
                parts.push_back(part);
            }
            magnet_score_params params = magnet_score_default_params();
            params.context             = mask == "causal"   ? MAGNET_CONTEXT_LEFT
                                         : mask == "hybrid" ? MAGNET_CONTEXT_HYBRID
                                                            : MAGNET_CONTEXT_ORDERED;
            const magnet_score_item item   = { parts.data(), (int32_t) parts.size() };
            magnet_result *         result = nullptr;
            REQUIRE_MESSAGE(magnet_score(m.session, &item, 1, &params, &result) == MAGNET_STATUS_OK, magnet_last_error());

            std::vector<double> got;
            for (int32_t s = 0; s < result->n_spans; ++s) {
                for (int32_t t = 0; t < result->spans[s].n_tokens; ++t) {
                    got.push_back(result->spans[s].tokens[t].logprob);
                }
            }
            magnet_result_free(result);
            const auto expected = run.at("log_probabilities").get<std::vector<double>>();
            REQUIRE(got.size() == expected.size());
            for (size_t i = 0; i < got.size(); ++i) {
                const double d = std::fabs(got[i] - expected[i]);
                largest        = std::max(largest, d);
                sum_difference += d;
                sum_expected += expected[i];
                sum_got += got[i];
                ++n;
            }
        }
    }
    MESSAGE("log-probabilities of " << n << " tokens: mean absolute difference " << sum_difference / n << ", largest "
                                    << largest << ", mean " << sum_got / n << " against " << sum_expected / n);
    CHECK(sum_difference / n < bounds_of(m.model).mean_logprob_difference);
}
