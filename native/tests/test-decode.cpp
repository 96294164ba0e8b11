// Many sessions that decode with the fused engine at once.
#include "api.h"
#include "api_reference.h"
#include "engine/decode-queue.h"
#include "toy_engine.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <numeric>
#include <thread>

using namespace magnet::testing;

namespace {

// Its products are of bf16, and the tiny models' weights have no structure that would forgive.
constexpr double  fused_tolerance = 0.2;
constexpr int32_t n_tokens        = 12;

session_ptr fused_session(const model_ptr & model, bool reuse_prefix = true) {
    magnet_session_params p = session_params();
    p.engine                = MAGNET_ENGINE_FUSED;
    p.reuse_prefix          = reuse_prefix;
    return make_session(model, p);
}

// Of different lengths, so that sessions leave their common passes one by one.
std::vector<std::string> some_prompts() {
    std::vector<std::string> prompts;
    for (int32_t i = 0; i < 12; ++i) {
        prompts.push_back(std::string("Once upon a time ") + std::string(size_t(i * 17), char('a' + i)));
    }
    for (size_t n = 126; n <= 129; ++n) { // a token more than a piece that a prompt comes in, one of them
        prompts.push_back(std::string(n, 'x'));
    }
    return prompts;
}

// A session each, all at once.
std::vector<result_ptr> generate_together(const model_ptr & model, const std::vector<std::string> & prompts, bool reuse_prefix) {
    std::vector<result_ptr>  results(prompts.size());
    std::vector<std::thread> threads;
    for (size_t i = 0; i < prompts.size(); ++i) {
        threads.emplace_back([&, i] { results[i] = generate(fused_session(model, reuse_prefix), prompts[i], greedy(n_tokens)); });
    }
    for (std::thread & t : threads) {
        t.join();
    }
    return results;
}

// Counts rows. Its first pass begins when all callers are on their way.
class counting_engine : public toy_engine {
public:
    explicit counting_engine(int32_t n_callers) : toy_engine(4, 2), to_come(n_callers) {}

    void extend(const std::vector<magnet::cached_row> & rows) override {
        while (to_come > 0) {
            std::this_thread::yield();
        }
        if (sizes.empty()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(20)); // for those who are about to wait
        }
        sizes.push_back(rows.size());
    }

    std::atomic<int32_t> to_come;
    std::vector<size_t>  sizes; // of passes, which the queue runs one after the other
};

} // namespace

TEST_CASE("decode queue: a pass has few rows where each is to be as it is alone") {
    constexpr int32_t        n_callers = 40;
    counting_engine          engine(n_callers);
    magnet::decode_queue     queue;
    std::vector<std::thread> threads;
    for (int32_t i = 0; i < n_callers; ++i) {
        threads.emplace_back([&] {
            magnet::cached_row row;
            row.row.n_tokens = 1;
            --engine.to_come;
            queue.extend(engine, row, /*as_alone=*/true);
        });
    }
    for (std::thread & t : threads) {
        t.join();
    }
    CHECK(std::accumulate(engine.sizes.begin(), engine.sizes.end(), size_t(0)) == n_callers);
    CHECK(*std::max_element(engine.sizes.begin(), engine.sizes.end()) <= 16);
}

TEST_CASE("fused decoding: each of many sessions at once continues its own prompt as the dense model does") {
    const model_ptr                model   = load_tiny("llama");
    const dense                    truth("llama");
    const std::vector<std::string> prompts = some_prompts();
    const std::vector<result_ptr>  results = generate_together(model, prompts, true);
    for (size_t i = 0; i < prompts.size(); ++i) {
        const magnet_span &  span   = results[i]->spans[0];
        std::vector<int32_t> tokens = tokenize(model, prompts[i], true); // with BOS
        const size_t         first  = tokens.size();
        const auto           chosen = ids(span);
        CHECK(span.n_tokens == n_tokens);
        tokens.insert(tokens.end(), chosen.begin(), chosen.end());
        const std::vector<double> hidden = truth.hidden(tokens);
        for (int32_t t = 0; t < span.n_tokens; ++t) {
            INFO("prompt ", i, ", token ", t);
            const std::vector<double> logprobs = log_softmax(truth.logits_at(hidden, first + size_t(t) - 1));
            const double              expected = logprobs[size_t(chosen[size_t(t)])];
            CHECK(std::fabs(span.tokens[t].logprob - expected) < fused_tolerance);
            CHECK(*std::max_element(logprobs.begin(), logprobs.end()) - expected < 2 * fused_tolerance); // it is greedy
        }
    }
}

TEST_CASE("fused decoding: without reuse a session says the same, to the bit, alone and among others") {
    const model_ptr                model    = load_tiny("llama");
    const std::vector<std::string> prompts  = some_prompts();
    const std::vector<result_ptr>  together = generate_together(model, prompts, false);
    for (size_t i = 0; i < prompts.size(); ++i) {
        const result_ptr alone = generate(fused_session(model, false), prompts[i], greedy(n_tokens));
        INFO("prompt ", i);
        REQUIRE(ids(together[i]->spans[0]) == ids(alone->spans[0]));
        CHECK(together[i]->spans[0].text == std::string(alone->spans[0].text));
        for (int32_t t = 0; t < alone->spans[0].n_tokens; ++t) {
            INFO("token ", t);
            CHECK(together[i]->spans[0].tokens[t].logprob == alone->spans[0].tokens[t].logprob);
        }
    }
}

TEST_CASE("fused decoding: a callback that stops, or a prompt that is refused, is its caller's affair") {
    const model_ptr          model = load_tiny("llama");
    std::vector<std::thread> threads;
    std::vector<int32_t>     status(8, -99), stop(8, -99);
    for (size_t i = 0; i < status.size(); ++i) {
        threads.emplace_back([&, i] {
            const session_ptr      session = fused_session(model);
            magnet_generate_params p       = greedy(20);
            if (i % 2 == 1) {
                p.on_token = [](const magnet_token_event * e, void *) { return e->index < 3; };
            }
            magnet_result * r = nullptr;
            status[i] = magnet_generate(session.get(), text(i % 4 == 2 ? std::string(100000, 'x') : "Once"), &p, &r);
            if (r) {
                stop[i] = r->spans[0].stop;
                magnet_result_free(r);
            }
        });
    }
    for (std::thread & t : threads) {
        t.join();
    }
    for (size_t i = 0; i < status.size(); ++i) {
        CHECK(status[i] == (i % 4 == 2 ? MAGNET_STATUS_TOO_LONG : MAGNET_STATUS_OK));
        if (i % 2 == 1) {
            CHECK(stop[i] == MAGNET_STOP_CANCELLED);
        }
    }
}
