// Several texts from one context: candidates of a gap, continuations of a prompt.
#include "base/asserts.h"
#include "session.h"

#include <algorithm>
#include <thread>

namespace magnet {

namespace {

// So many have the same numbers as each by itself (kernel_set::most_stored): the same seeds give the same texts.
constexpr int32_t most_at_once = 8;

// The seed of candidate k of a call whose seed is first: [0, 2^32), all of them different.
int64_t candidate_seed(int64_t first, int32_t k) {
    return (first + k) & 0xFFFFFFFF;
}

} // namespace

std::vector<seeded_result> session::run_several(const run_once & run_one, int32_t n, int64_t seed, int32_t n_positions,
                                                result & total) {
    decoder &                             first = get_decoder();
    std::vector<std::unique_ptr<decoder>> others;
    std::vector<result>                   results(n);
    std::vector<std::exception_ptr>       failures(n);
    std::vector<std::thread>              threads;
    const auto run = [&](decoder & d, int32_t k, std::function<void()> on_context) {
        try {
            results[k] = run_one(d, candidate_seed(seed, k), std::move(on_context));
        } catch (...) {
            failures[k] = std::current_exception();
        }
    };
    // Which of them a decoder runs is not left to who comes first: one that finds its context in the cache from the text
    // before, not copied, has other last bits, and the same call is to give the same texts.
    int32_t    at_once  = 1;
    const auto run_rest = [&](decoder & d, int32_t k, bool is_copy) { // one after the other: the context is in the cache still
        for (; k < n && !cancelled_; k += at_once, is_copy = false) {
            if (!params_.reuse_prefix && !is_copy) {
                d.clear();
            }
            run(d, k, {});
        }
        d.end(); // the others need not wait for its next token
    };
    // each has a cache of its own, and passes of all go through the weights together
    const auto run_others = [&] {
        at_once = std::min(n, most_at_once);
        for (int32_t i = 1; i < at_once; ++i) {
            others.push_back(make_decoder());
            others.back()->begin(n_positions);
            others.back()->copy_from(first);
        }
        for (int32_t i = 1; i < at_once; ++i) {
            threads.emplace_back([&, i] {
                const thrown_asserts asserts;
                run_rest(*others[i - 1], i, true);
            });
        }
    };
    first.begin(n_positions);
    run(first, 0, n > 1 && first.joins_others() ? std::function<void()>(run_others) : nullptr);
    if (!failures[0]) {
        run_rest(first, at_once, false);
    }
    for (std::thread & thread : threads) {
        thread.join();
    }

    total.n_prompt_tokens  = results[0].n_prompt_tokens;
    total.n_reused_tokens  = results[0].n_reused_tokens;
    total.prompt_seconds   = results[0].prompt_seconds;
    total.generate_seconds = results[0].generate_seconds;
    std::vector<seeded_result> made;
    for (int32_t k = 0; k < n; ++k) {
        if (!failures[k] && !results[k].spans.empty()) { // a call that is cancelled keeps what has begun
            total.n_generated_tokens += results[k].n_generated_tokens;
            made.push_back({ candidate_seed(seed, k), k, std::move(results[k]) });
        }
    }
    const auto failure = std::find_if(failures.begin(), failures.end(), [](const auto & f) { return f != nullptr; });
    if (failure != failures.end() && (!cancelled_ || made.empty())) {
        std::rethrow_exception(*failure);
    }
    return made;
}

} // namespace magnet
