// Many sessions that decode with the fused engine at once. Its numbers are held to a dense pass by test-engine-decode.cpp and
// test-infill.cpp.
#include "api.h"
#include "api_reference.h"
#include "gguf_file.h"

#include <cmath>
#include <thread>

using namespace magnet::testing;

namespace {

// Its products are of bf16, and the tiny models' weights have no structure that would forgive.
constexpr double fused_tolerance = 0.2;

session_ptr fused_session(const model_ptr & model) {
    magnet_session_params p = session_params();
    p.engine                = MAGNET_ENGINE_FUSED;
    return make_session(model, p);
}

} // namespace

TEST_CASE("fused decoding: sessions of one model that run at once do not disturb each other") {
    const model_ptr          model = load_tiny("llama");
    std::vector<std::string> prompts;
    for (int32_t i = 0; i < 12; ++i) {
        prompts.push_back(std::string("Once upon a time ") + std::string(size_t(i * 17), char('a' + i)));
    }
    std::vector<result_ptr> alone(prompts.size()), together(prompts.size());
    for (size_t i = 0; i < prompts.size(); ++i) {
        alone[i] = generate(fused_session(model), prompts[i].c_str(), greedy(12));
    }
    std::vector<std::thread> threads;
    for (size_t i = 0; i < prompts.size(); ++i) {
        threads.emplace_back([&, i] { together[i] = generate(fused_session(model), prompts[i].c_str(), greedy(12)); });
    }
    for (std::thread & t : threads) {
        t.join();
    }
    for (size_t i = 0; i < prompts.size(); ++i) {
        REQUIRE(together[i]->spans[0].n_tokens > 0);
        // alone, a token goes through the file's own rows, among others through the wider weights: both round, so that a
        // close call may go the other way, and what follows then differs
        const int32_t n = std::min(together[i]->spans[0].n_tokens, alone[i]->spans[0].n_tokens);
        for (int32_t t = 0; t < n && together[i]->spans[0].tokens[t].id == alone[i]->spans[0].tokens[t].id; ++t) {
            CHECK(std::fabs(together[i]->spans[0].tokens[t].logprob - alone[i]->spans[0].tokens[t].logprob) < fused_tolerance);
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
