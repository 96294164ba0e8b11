// Generation against a dense double-precision forward pass: which tokens, with which log-probabilities, and why it
// ends.
#include "api.h"
#include "api_reference.h"
#include "gguf_file.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

using namespace magnet::testing;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();

int32_t argmax(const std::vector<double> & x) {
    return (int32_t)(std::max_element(x.begin(), x.end()) - x.begin());
}

// Tokens of a loop over the dense model that picks by choose(logits, tokens so far, prompt included).
template <typename Choose>
std::vector<int32_t> dense_loop(const dense & model, std::vector<int32_t> tokens, int32_t n, const Choose & choose) {
    const size_t n_prompt = tokens.size();
    for (int32_t i = 0; i < n; ++i) {
        tokens.push_back(choose(model.next_logits(tokens), tokens));
    }
    return {tokens.begin() + n_prompt, tokens.end()};
}

const char * const prompt = "Once upon a time there";

} // namespace

TEST_CASE("greedy: tokens and log-probabilities of the dense model") {
    for (const char * architecture : architectures) {
        for (const int32_t flash : {0, 1}) {
            INFO(architecture, ", flash attention ", flash);
            const model_ptr model = load_model(architecture_path(architecture));
            const dense     truth(architecture);

            magnet_session_params sp  = session_params();
            sp.flash_attention        = flash;
            const session_ptr session = make_session(model, sp);

            const int32_t          n_top = std::min(100, truth.model().n_vocab());
            magnet_generate_params p     = greedy(24);
            p.top                      = n_top;
            const result_ptr r       = generate(session, prompt, p);
            const auto &     span    = r->spans[0];
            REQUIRE(r->n_spans == 1);
            REQUIRE(span.n_tokens == 24);
            CHECK(span.stop == MAGNET_STOP_LENGTH);
            CHECK(r->n_generated_tokens == 24);

            std::vector<int32_t> tokens = tokenize(model, prompt, true);
            CHECK(r->n_prompt_tokens == (int32_t)tokens.size());
            double sum = 0.0, worst = 0.0;
            for (int32_t i = 0; i < 24; ++i) {
                const std::vector<double> expected = log_softmax(truth.next_logits(tokens));
                const magnet_token &      token    = span.tokens[i];
                CHECK(token.id == argmax(expected));
                worst = std::max(worst, std::fabs(token.logprob - expected[token.id]));
                sum += token.logprob;

                // the alternatives are the best ones, best first
                REQUIRE(token.n_top == n_top);
                CHECK(token.top[0].token == token.id);
                std::set<int32_t> seen;
                for (int32_t k = 0; k < n_top; ++k) {
                    worst = std::max(worst, std::fabs(token.top[k].logprob - expected[token.top[k].token]));
                    seen.insert(token.top[k].token);
                    CHECK((k == 0 || token.top[k].logprob <= token.top[k - 1].logprob));
                }
                CHECK((int32_t)seen.size() == n_top);
                std::vector<double> sorted = expected;
                std::nth_element(sorted.begin(), sorted.begin() + n_top - 1, sorted.end(), std::greater<double>());
                CHECK(token.top[n_top - 1].logprob == doctest::Approx(sorted[n_top - 1]).epsilon(tolerance));
                tokens.push_back(token.id);
            }
            CHECK(worst < tolerance);
            MESSAGE(architecture, ", flash attention ", flash, ": largest difference of a log-probability ", worst);
            CHECK(span.logprob == doctest::Approx(sum));
            CHECK(span.text == std::string(span.text, span.text_size));
        }
    }
}

TEST_CASE("greedy: what magnet_score says of the continuation") {
    for (const char * architecture : architectures) {
        INFO(architecture);
        const model_ptr       model = load_model(architecture_path(architecture));
        magnet_session_params sp    = session_params();
        sp.engine                   = MAGNET_ENGINE_GRAPH;
        sp.flash_attention          = 0;
        const session_ptr session   = make_session(model, sp);

        const auto             bias = only_letters(architecture);
        magnet_generate_params p    = greedy(12);
        p.sampling.logit_bias       = bias.data();
        p.sampling.n_logit_bias     = (int32_t)bias.size();
        const result_ptr generated  = generate(session, prompt, p);
        const result_ptr scored     = score(session, {given(prompt), filled(generated->spans[0].text)});
        REQUIRE(ids(scored->spans[0]) == ids(generated->spans[0]));
        double worst = 0.0;
        for (int32_t i = 0; i < 12; ++i) {
            worst = std::max<double>(
                worst, std::fabs(scored->spans[0].tokens[i].logprob - generated->spans[0].tokens[i].logprob));
        }
        CHECK(worst < tolerance);
        MESSAGE(architecture, ": largest difference of a log-probability ", worst);
    }
}

TEST_CASE("log-probabilities of a whole vocabulary sum to one") {
    const std::string path = scratch_path("ascii.gguf");
    write_ascii_model(path, 96);
    const model_ptr        model   = load_model(path);
    const session_ptr      session = make_session(model);
    magnet_generate_params p       = greedy(6);
    p.top                        = 100;
    const result_ptr r             = generate(session, "abc", p);
    for (int32_t i = 0; i < 6; ++i) {
        const magnet_token & t = r->spans[0].tokens[i];
        REQUIRE(t.n_top == 96);
        const double sum = std::accumulate(t.top, t.top + 96, 0.0, [](double s, const magnet_candidate & c) {
            return s + std::exp((double)c.logprob);
        });
        CHECK(sum == doctest::Approx(1.0).epsilon(1e-5));
    }
}

TEST_CASE("long prompts: several passes make the same prediction as one") {
    const std::string path = scratch_path("long.gguf");
    copy_gguf(golden("tiny-qwen2.gguf"), path, set_context_length("qwen2", 2048));
    const model_ptr model = load_model(path);
    const dense     truth("qwen2");

    std::string all;
    uint32_t    random = 7;
    for (int i = 0; i < 1100; ++i) {
        random = random * 1664525 + 1013904223;
        all += (char)('A' + (random >> 16) % 26);
    }
    const std::vector<int32_t> tokens = tokenize(model, all);
    REQUIRE(tokens.size() == 1100);
    const std::vector<double> hidden = truth.hidden(tokens);

    const session_ptr    session = make_session(model);
    magnet_infill_params hybrid  = magnet_infill_default_params();
    hybrid.context               = MAGNET_CONTEXT_HYBRID;
    for (const int32_t n : {1, 511, 512, 513, 514, 1023, 1024, 1025, 1026, 1100}) {
        INFO(n, " tokens");
        if (n == 1024) { // from here on the session has room for passes of 2048 tokens
            infill(session, {given(all.c_str()), gap(2)}, hybrid);
        }
        require_ok(magnet_session_reset(session.get()));
        const result_ptr          r        = generate(session, all.substr(0, n), greedy(1));
        const std::vector<double> expected = log_softmax(truth.logits_at(hidden, n - 1));
        REQUIRE(r->n_prompt_tokens == n);
        CHECK(r->n_reused_tokens == 0);
        CHECK(r->spans[0].tokens[0].id == argmax(expected));
        CHECK(r->spans[0].tokens[0].logprob == doctest::Approx(expected[argmax(expected)]).epsilon(tolerance));
    }
}

TEST_CASE("how many tokens: zero, to the end of the context, exactly") {
    const model_ptr       model = load_tiny("qwen2");
    magnet_session_params sp    = session_params();
    sp.n_ctx                    = 32;
    const session_ptr session   = make_session(model, sp);
    const std::string twenty(20, 'x');

    struct expectation {
        size_t  n_prompt;
        int32_t max_tokens, n, stop;
    };
    for (const expectation & e : {expectation{20, 0, 0, MAGNET_STOP_LENGTH},
                                  {20, 11, 11, MAGNET_STOP_LENGTH},
                                  {20, 12, 12, MAGNET_STOP_LENGTH},
                                  {20, 13, 12, MAGNET_STOP_CONTEXT},
                                  {20, INT32_MAX, 12, MAGNET_STOP_CONTEXT},
                                  {20, -1, 12, MAGNET_STOP_CONTEXT},
                                  {31, 5, 1, MAGNET_STOP_CONTEXT},
                                  {32, 5, 0, MAGNET_STOP_CONTEXT},
                                  {32, 0, 0, MAGNET_STOP_LENGTH},
                                  {32, -1, 0, MAGNET_STOP_CONTEXT}}) {
        INFO(e.n_prompt, " tokens of prompt, max_tokens ", e.max_tokens);
        const result_ptr r = generate(session, std::string(e.n_prompt, 'x'), greedy(e.max_tokens));
        CHECK(r->n_generated_tokens == e.n);
        CHECK(r->spans[0].n_tokens == e.n);
        CHECK(r->spans[0].stop == e.stop);
    }
}

TEST_CASE("the end of sequence ends it, unless it is to be ignored") {
    const model_ptr         model   = load_tiny("qwen2");
    const session_ptr       session = make_session(model);
    const dense             truth("qwen2");
    const int32_t           eos  = info_of(model).token_eos;
    const magnet_logit_bias bias = {eos, 1e6f};

    magnet_generate_params p = greedy(5);
    p.ignore_eos             = false;
    p.sampling.logit_bias    = &bias;
    p.sampling.n_logit_bias  = 1;
    const result_ptr ended   = generate(session, prompt, p);
    CHECK(ended->spans[0].stop == MAGNET_STOP_END);
    CHECK(ended->spans[0].n_tokens == 0);
    CHECK(ended->spans[0].text_size == 0);
    const double expected = log_softmax(truth.next_logits(tokenize(model, prompt)))[eos];
    CHECK(ended->spans[0].stop_logprob ==
          doctest::Approx(expected).epsilon(tolerance)); // of the model, without the bias

    p.ignore_eos           = true;
    const result_ptr going = generate(session, prompt, p);
    CHECK(ids(going->spans[0]) == std::vector<int32_t>(5, eos));
    CHECK(going->spans[0].stop == MAGNET_STOP_LENGTH);
    CHECK(going->spans[0].stop_logprob == 0.0);
}

TEST_CASE("logit bias: added before the choice, -INFINITY bans") {
    const model_ptr            model   = load_tiny("qwen2");
    const session_ptr          session = make_session(model);
    const dense                truth("qwen2");
    const std::vector<int32_t> tokens = tokenize(model, prompt);
    const std::vector<int32_t> plain =
        dense_loop(truth, tokens, 10, [](const auto & logits, const auto &) { return argmax(logits); });

    std::vector<magnet_logit_bias> bias;
    for (size_t i = 0; i < plain.size(); ++i) {
        bias.push_back({plain[i], i % 2 ? -0.7f : -inf});
    }
    bias.push_back({70, 1.5f});
    const auto biased = [&](std::vector<double> logits, const auto &) {
        for (const magnet_logit_bias & b : bias) {
            logits[b.token] += b.bias;
        }
        return argmax(logits);
    };
    magnet_generate_params p = greedy(8);
    p.sampling.logit_bias    = bias.data();
    p.sampling.n_logit_bias  = (int32_t)bias.size();
    const result_ptr r       = generate(session, prompt, p);
    CHECK(ids(r->spans[0]) == dense_loop(truth, tokens, 8, biased));
    CHECK(ids(r->spans[0]) != plain);
    // the log-probability is the model's own
    CHECK(r->spans[0].tokens[0].logprob ==
          doctest::Approx(log_softmax(truth.next_logits(tokens))[r->spans[0].tokens[0].id]).epsilon(tolerance));
}

TEST_CASE("a bias that forbids every token is an error") {
    const model_ptr                model   = load_tiny("qwen2");
    const session_ptr              session = make_session(model);
    std::vector<magnet_logit_bias> bias;
    for (int32_t token = 0; token < info_of(model).n_vocab; ++token) {
        bias.push_back({token, -inf});
    }
    magnet_generate_params p = greedy(3);
    p.sampling.logit_bias    = bias.data();
    p.sampling.n_logit_bias  = (int32_t)bias.size();
    magnet_infill_params in  = magnet_infill_default_params();
    in.sampling              = p.sampling;
    const magnet_part parts[] = {given("a"), gap(2), given("b")};
    for (const float temperature : {0.0f, 1.0f}) {
        p.sampling.temperature = in.sampling.temperature = temperature;
        magnet_result * r = nullptr;
        check_fails(magnet_generate(session.get(), text("a"), &p, &r), MAGNET_STATUS_INVALID_ARGUMENT, {"sampling.logit_bias", "every token"});
        check_fails(magnet_infill(session.get(), parts, 3, &in, &r), MAGNET_STATUS_INVALID_ARGUMENT, {"sampling.logit_bias", "every token"});
    }
}

TEST_CASE("penalties: over the window of tokens before, the prompt included") {
    const model_ptr            model   = load_tiny("qwen2");
    const session_ptr          session = make_session(model);
    const dense                truth("qwen2");
    const std::vector<int32_t> tokens = tokenize(model, "aabbbcccc");

    struct penalties {
        float   repeat, frequency, presence;
        int32_t last_n;
    };
    for (const penalties & q : {penalties{1.5f, 0.0f, 0.0f, 64},
                                {1.5f, 0.0f, 0.0f, 3},
                                {1.0f, 0.4f, 0.0f, -1},
                                {1.0f, 0.0f, 2.0f, -1},
                                {1.2f, 0.3f, 0.5f, 5},
                                {2.0f, 1.0f, 1.0f, 0}}) {
        INFO("repeat ", q.repeat, ", frequency ", q.frequency, ", presence ", q.presence, ", last_n ", q.last_n);
        const auto choose = [&](std::vector<double> logits, const std::vector<int32_t> & before) {
            const size_t window = q.last_n < 0 ? before.size() : std::min<size_t>(q.last_n, before.size());
            for (int32_t id = 0; id < (int32_t)logits.size(); ++id) {
                const auto count = std::count(before.end() - window, before.end(), id);
                if (count > 0) {
                    logits[id] = logits[id] > 0 ? logits[id] / q.repeat : logits[id] * q.repeat;
                    logits[id] -= count * q.frequency + q.presence;
                }
            }
            return argmax(logits);
        };
        magnet_generate_params p     = greedy(16);
        p.sampling.repeat_penalty    = q.repeat;
        p.sampling.frequency_penalty = q.frequency;
        p.sampling.presence_penalty  = q.presence;
        p.sampling.penalty_last_n    = q.last_n;
        CHECK(ids(generate(session, "aabbbcccc", p)->spans[0]) == dense_loop(truth, tokens, 16, choose));
    }
}

TEST_CASE("sampling follows the model's distribution") {
    const model_ptr           model   = load_tiny("qwen2");
    const session_ptr         session = make_session(model);
    const dense               truth("qwen2");
    const std::vector<double> logits = truth.next_logits(tokenize(model, prompt));

    const auto draw = [&](magnet_sampling_params sampling, int n) {
        std::vector<int> counts(logits.size());
        for (int i = 0; i < n; ++i) {
            magnet_generate_params p = greedy(1);
            p.sampling               = sampling;
            p.sampling.seed          = i;
            ++counts[generate(session, prompt, p)->spans[0].tokens[0].id];
        }
        return counts;
    };
    magnet_sampling_params all = magnet_infill_default_params().sampling;
    for (const float temperature : {1.0f, 0.5f}) {
        INFO("temperature ", temperature);
        all.temperature            = temperature;
        const int           n      = 1500;
        const auto          counts = draw(all, n);
        std::vector<double> scaled = logits;
        for (double & x : scaled) {
            x /= temperature;
        }
        // chi-squared over the tokens expected five times or more, the others as one class
        const std::vector<double> expected = log_softmax(scaled);
        double                    chi = 0.0, rest = 0.0;
        int                       rest_seen = 0, classes = 0;
        for (size_t id = 0; id < logits.size(); ++id) {
            const double e = n * std::exp(expected[id]);
            if (e < 5.0) {
                rest += e;
                rest_seen += counts[id];
                continue;
            }
            chi += (counts[id] - e) * (counts[id] - e) / e;
            ++classes;
        }
        chi += rest > 0 ? (rest_seen - rest) * (rest_seen - rest) / rest : 0.0;
        CHECK(classes > 10);
        // mean = degrees of freedom, deviation = sqrt(2 degrees): five of them away is no chance
        CHECK(chi < classes + 5.0 * std::sqrt(2.0 * classes));
    }

    std::vector<int32_t> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return logits[a] > logits[b]; });
    const auto drawn = [&](const magnet_sampling_params & sampling) {
        std::set<int32_t> seen;
        const auto        counts = draw(sampling, 200);
        for (size_t id = 0; id < counts.size(); ++id) {
            if (counts[id] > 0) {
                seen.insert((int32_t)id);
            }
        }
        return seen;
    };
    all.temperature                  = 1.0f;
    magnet_sampling_params truncated = all;
    truncated.top_k                  = 3;
    CHECK(drawn(truncated) == std::set<int32_t>(order.begin(), order.begin() + 3));

    // the fewest tokens that hold 20 % of the probability; those within a tenth of the best
    const std::vector<double> p    = log_softmax(logits);
    size_t                    held = 0;
    for (double sum = 0.0; sum < 0.2; ++held) {
        sum += std::exp(p[order[held]]);
    }
    truncated       = all;
    truncated.top_p = 0.2f;
    CHECK(drawn(truncated) == std::set<int32_t>(order.begin(), order.begin() + held));

    truncated       = all;
    truncated.min_p = 0.5f;
    const auto last =
        std::find_if(order.begin(), order.end(), [&](int32_t id) { return p[id] < p[order[0]] + std::log(0.5); });
    CHECK(drawn(truncated) == std::set<int32_t>(order.begin(), last));
}

TEST_CASE("seeds: the same one repeats a text, others do not") {
    const model_ptr        model = load_tiny("qwen2");
    magnet_generate_params p     = greedy(20);
    p.sampling.temperature       = 1.0f;
    std::set<std::vector<int32_t>> texts;
    for (const int64_t seed : {int64_t(0), int64_t(1), int64_t(2), int64_t(UINT32_MAX) - 1, int64_t(UINT32_MAX)}) {
        p.sampling.seed  = seed;
        const auto first = ids(generate(make_session(model), prompt, p)->spans[0]);
        CHECK(ids(generate(make_session(model), prompt, p)->spans[0]) == first);
        texts.insert(first);
    }
    CHECK(texts.size() >= 4); // the last two share what llama.cpp leaves of them

    p.sampling.seed = -1;
    for (int i = 0; i < 5; ++i) {
        texts.insert(ids(generate(make_session(model), prompt, p)->spans[0]));
    }
    CHECK(texts.size() >= 9);
}

TEST_CASE("the prefix that a prompt shares with the last call is not computed again") {
    const model_ptr   model   = load_tiny("qwen2");
    const session_ptr session = make_session(model);

    const result_ptr     first = generate(session, "The cat sat on the mat.", greedy(6));
    std::vector<int32_t> held  = tokenize(model, "The cat sat on the mat.");
    const auto           made  = ids(first->spans[0]);
    held.insert(held.end(), made.begin(), made.end() - 1); // the last token is never encoded
    CHECK(first->n_reused_tokens == 0);

    for (const char * next :
         {"The cat sat on the mat.", "The cat sat on the mat. It was", "The cat ran", "A dog", "The", "The cat"}) {
        INFO("prompt: ", next);
        const std::vector<int32_t> tokens = tokenize(model, next);
        const auto                 common = std::mismatch(tokens.begin(), tokens.end() - 1, held.begin(), held.end());
        const result_ptr           again  = generate(session, next, greedy(6));
        const result_ptr           fresh  = generate(make_session(model), next, greedy(6));
        CHECK(again->n_prompt_tokens == (int32_t)tokens.size());
        CHECK(again->n_reused_tokens == common.first - tokens.begin());
        CHECK(ids(again->spans[0]) == ids(fresh->spans[0]));
        for (int32_t i = 0; i < 6; ++i) {
            CHECK(std::fabs(again->spans[0].tokens[i].logprob - fresh->spans[0].tokens[i].logprob) < repeat_tolerance);
        }
        held            = tokens;
        const auto more = ids(again->spans[0]);
        held.insert(held.end(), more.begin(), more.end() - 1);
    }

    require_ok(magnet_session_reset(session.get()));
    CHECK(generate(session, "The cat", greedy(1))->n_reused_tokens == 0);
}

TEST_CASE("control tokens in the prompt, and BOS, are read as asked") {
    const model_ptr        qwen2 = load_tiny("qwen2"), llama = load_tiny("llama");
    const session_ptr      session = make_session(qwen2), with_bos = make_session(llama);
    magnet_generate_params p = greedy(1);
    p.parse_special          = true;
    CHECK(generate(session, "a<|end|>b", p)->n_prompt_tokens == 3);
    CHECK(generate(with_bos, "b", p)->n_prompt_tokens == 3); // BOS, space, b
    p.parse_special = false;
    p.add_special   = false;
    CHECK(generate(session, "a<|end|>b", p)->n_prompt_tokens == 9);
    CHECK(generate(with_bos, "b", p)->n_prompt_tokens == 2);
}

TEST_CASE("several texts of a prompt are those that calls of their own make, each with its seed") {
    for (const int32_t engine : {MAGNET_ENGINE_FUSED, MAGNET_ENGINE_GRAPH}) {
        const model_ptr       model = load_tiny();
        magnet_session_params how   = session_params();
        how.engine                  = engine;
        how.reuse_prefix            = false; // where it is, which tokens came as a prompt decides about the last bits
        magnet_generate_params p    = greedy(9);
        p.sampling.temperature       = 1.5f;
        p.sampling.seed              = 40;
        p.n_texts                    = 20; // more than run at once
        const result_ptr several     = generate(make_session(model, how), prompt, p);
        REQUIRE(several->n_spans == 20);
        CHECK(several->n_prompt_tokens == (int32_t)tokenize(model, prompt, true).size()); // read once
        CHECK(several->n_generated_tokens >= 20);
        std::set<std::string> different;
        p.n_texts = 1;
        for (int32_t k = 0; k < 20; ++k) {
            p.sampling.seed        = 40 + k;
            const result_ptr alone = generate(make_session(model, how), prompt, p);
            CAPTURE(k);
            CHECK(several->spans[k].item == k);
            CHECK(std::string(several->spans[k].text) == alone->spans[0].text);
            different.insert(alone->spans[0].text);
        }
        CHECK(different.size() > 10);
    }
}

TEST_CASE("several texts: what cannot be is refused, and the session goes on") {
    const model_ptr        model   = load_tiny();
    const session_ptr      session = make_session(model);
    magnet_generate_params p       = greedy(3);
    magnet_result *        out     = nullptr;
    for (const int32_t n : {0, -1, 257}) {
        p.n_texts = n;
        check_fails(magnet_generate(session.get(), text(prompt), &p, &out), MAGNET_STATUS_INVALID_ARGUMENT, {"n_texts", "256"});
    }
    p.n_texts = 2; // greedy
    check_fails(magnet_generate(session.get(), text(prompt), &p, &out), MAGNET_STATUS_INVALID_ARGUMENT, {"temperature"});
    CHECK(out == nullptr);
    p.n_texts = 1;
    CHECK(generate(session, prompt, p)->spans[0].n_tokens == 3);
}
