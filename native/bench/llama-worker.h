// What the parts of bench-llama share.
#pragma once

#include "llama.h"

#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace magnet::bench {

using context_ptr = std::unique_ptr<llama_context, decltype(&llama_free)>;

[[noreturn]] inline void fail(const std::string & what) {
    std::cerr << "bench-llama: " << what << "\n";
    std::exit(1);
}

struct stopwatch {
    double wall = clock(CLOCK_MONOTONIC), cpu = clock(CLOCK_PROCESS_CPUTIME_ID);

    double seconds() const { return clock(CLOCK_MONOTONIC) - wall; }
    double cpu_seconds() const { return clock(CLOCK_PROCESS_CPUTIME_ID) - cpu; }

    static double clock(clockid_t which) {
        timespec t;
        clock_gettime(which, &t);
        return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
    }
};

inline std::vector<llama_token> read_ids(std::istream & line) {
    std::vector<llama_token> ids;
    for (llama_token id; line >> id;) {
        ids.push_back(id);
    }
    return ids;
}

// n lines of tokens.
std::vector<std::vector<llama_token>> read_rows(int32_t n);

inline llama_context_params context_params(int32_t n_ctx, int32_t n_threads) {
    llama_context_params params = llama_context_default_params();
    params.n_ctx                = (uint32_t)n_ctx;
    params.n_threads            = n_threads;
    params.n_threads_batch      = n_threads;
    params.no_perf              = true;
    return params;
}

// The likeliest token by the logits of the batch's i-th token; -1 = its last one.
inline llama_token likeliest(llama_context * context, int32_t i) {
    const float * logits  = llama_get_logits_ith(context, i);
    const int32_t n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(llama_get_model(context)));
    return (llama_token)(std::max_element(logits, logits + n_vocab) - logits);
}

// The request "together N_PREDICT LATE_AFTER N_ROWS".
void together(llama_model * model, int32_t n_threads, std::istream & request);

} // namespace magnet::bench
