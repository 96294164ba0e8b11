// Several fillings of a template: the same as each alone, merged, and ranked by the likelihood of the whole text.
#include "api.h"
#include "api_reference.h"

#include <algorithm>
#include <cmath>
#include <map>

using namespace magnet::testing;

namespace {

const std::vector<magnet_part> parts = {given("THE DOG "), gap(2), given(" AND "), open_gap(3), given(" THEN IT SLEPT")};

struct setting {
    const char * architecture;
    int32_t      engine;
    int32_t      context;
};

std::vector<setting> settings() {
    std::vector<setting> all;
    for (const int32_t engine : {MAGNET_ENGINE_FUSED, MAGNET_ENGINE_GRAPH}) {
        for (const int32_t context : {MAGNET_CONTEXT_HYBRID, MAGNET_CONTEXT_ORDERED, MAGNET_CONTEXT_LEFT}) {
            all.push_back({"qwen2", engine, context});
        }
    }
    return all;
}

// Letters alone: of other bytes the text would be no text.
magnet_infill_params sampled(const setting & s, int32_t n, int64_t seed) {
    static const std::vector<magnet_logit_bias> letters = only_letters("qwen2");
    magnet_infill_params p = magnet_infill_default_params();
    p.context              = s.context;
    p.sampling.temperature = 1.0f;
    p.sampling.top_k       = 3;
    p.sampling.seed        = seed;
    p.candidates.n         = n;
    p.sampling.logit_bias   = letters.data();
    p.sampling.n_logit_bias = (int32_t)letters.size();
    return p;
}

session_ptr session_of(const model_ptr & model, const setting & s) {
    magnet_session_params sp = session_params();
    sp.engine                = s.engine;
    sp.flash_attention       = 0;
    return make_session(model, sp);
}

std::string joined(const magnet_span * spans, int32_t n) {
    std::string all;
    for (int32_t i = 0; i < n; ++i) {
        all += std::string(spans[i].text) + "|";
    }
    return all;
}

} // namespace

TEST_CASE("candidates: each is what its seed gives alone, to the bit; equal texts are merged") {
    const model_ptr model = load_tiny("qwen2");
    for (const setting & s : settings()) {
        INFO("engine ", s.engine, ", context ", s.context);
        const session_ptr session = session_of(model, s);
        constexpr int32_t n       = 8; // with AMX more of them share passes with other weights (docs/engines.md)
        const result_ptr  all     = infill(session, parts, sampled(s, n, 5));
        std::map<std::string, int32_t> counts;
        std::map<std::string, double>  logprobs;
        int32_t                        n_tokens = 0;
        for (int32_t k = 0; k < n; ++k) {
            const result_ptr  one  = infill(session_of(model, s), parts, sampled(s, 1, 5 + k));
            const std::string text = joined(one->spans, one->n_spans);
            ++counts[text];
            logprobs.emplace(text, one->spans[0].logprob + one->spans[1].logprob);
            n_tokens += one->n_generated_tokens;
            REQUIRE(one->n_fillings == 1);
            CHECK(one->fillings[0].spans == one->spans);
            CHECK(std::isnan(one->fillings[0].score));
        }
        REQUIRE(all->n_fillings == (int32_t)counts.size());
        CHECK(all->n_generated_tokens == n_tokens);
        CHECK(all->spans == all->fillings[0].spans);
        CHECK(all->n_spans == 2);
        for (int32_t i = 0; i < all->n_fillings; ++i) {
            const magnet_filling & f    = all->fillings[i];
            const std::string      text = joined(f.spans, f.n_spans);
            REQUIRE(counts.count(text) == 1);
            CHECK(f.count == counts[text]);
            const double logprob = f.spans[0].logprob + f.spans[1].logprob;
            if (s.engine == MAGNET_ENGINE_FUSED) {
                CHECK(logprob == logprobs[text]);
            } else { // one after the other in one cache, whose order is another: llama.cpp's sums differ in their last bits
                CHECK(std::fabs(logprob - logprobs[text]) < tolerance);
            }
        }
    }
}

TEST_CASE("candidates: ranked by what magnet_score says of the text from the first gap on") {
    const model_ptr model = load_tiny("qwen2");
    for (const setting & s : settings()) {
        INFO("engine ", s.engine, ", context ", s.context);
        const session_ptr    session = session_of(model, s);
        magnet_infill_params p       = sampled(s, 6, 11);
        p.candidates.right           = 4;
        const result_ptr r           = infill(session, parts, p);
        REQUIRE(r->n_fillings > 1);
        magnet_score_params left = magnet_score_default_params();
        left.context             = MAGNET_CONTEXT_LEFT;
        double last              = INFINITY;
        for (int32_t i = 0; i < r->n_fillings; ++i) {
            const magnet_filling & f = r->fillings[i];
            // every byte is a token, and the spaces before the gaps went to fillings that have none
            const std::string one = f.spans[0].text, two = f.spans[1].text;
            const std::string   rest   = one + " AND" + two + " THE";
            const result_ptr    scored = score(session, {given("THE DOG"), filled(rest.c_str())}, left);
            const magnet_span & span   = scored->spans[0];
            CHECK(f.n_gap_tokens + f.n_right_tokens == span.n_tokens);
            CHECK(f.n_right_tokens == 4 + 4); // " AND", whose last space goes into the gap, and four behind
            CHECK(f.gap_logprob + f.right_logprob == doctest::Approx(span.logprob).epsilon(1e-4));
            CHECK(f.score == doctest::Approx(span.logprob / span.n_tokens).epsilon(1e-4));
            CHECK(f.score <= last);
            last = f.score;
        }
    }
}

TEST_CASE("candidates: the context is read once") {
    const model_ptr   model = load_tiny("qwen2");
    const setting     s     = {"qwen2", MAGNET_ENGINE_FUSED, MAGNET_CONTEXT_ORDERED};
    const session_ptr session = session_of(model, s);
    const result_ptr  alone = infill(session, parts, sampled(s, 1, 1));
    const result_ptr  many  = infill(session_of(model, s), parts, sampled(s, 8, 1));
    CHECK(many->n_prompt_tokens == alone->n_prompt_tokens);
    CHECK(many->n_reused_tokens == 0);
}

TEST_CASE("candidates: what cannot be is refused; a cancelled call keeps what it has or fails") {
    const session_ptr    session = make_session(load_tiny("qwen2"));
    const setting        s       = {"qwen2", MAGNET_ENGINE_AUTO, MAGNET_CONTEXT_ORDERED};
    magnet_result *      r       = nullptr;
    magnet_infill_params p       = sampled(s, 3, 1);
    const auto           fails   = [&](std::initializer_list<const char *> words) {
        check_fails(magnet_infill(session.get(), parts.data(), (int32_t)parts.size(), &p, &r), MAGNET_STATUS_INVALID_ARGUMENT,
                    words);
    };
    p.sampling.temperature = 0.0f;
    fails({"sampling.temperature", "candidates.n"});
    p              = sampled(s, 0, 1);
    fails({"candidates.n"});
    p              = sampled(s, 257, 1);
    fails({"candidates.n", "256"});
    p                  = sampled(s, 2, 1);
    p.candidates.right = -1;
    fails({"candidates.right"});
    p                  = sampled(s, 2, 1);
    p.sampling.grammar = "root ::= [";
    fails({"grammar"});
    CHECK(infill(session, parts, sampled(s, 2, 1))->n_fillings >= 1); // and the session lives
}
