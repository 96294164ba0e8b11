// Several sequences at once, as llama-batched-bench and llama-server decode them: each step takes one token of every
// sequence that runs, and the whole prompt of one that joins.
#include "llama-worker.h"

#include <sstream>

namespace magnet::bench {

namespace {

struct sequence {
    std::vector<llama_token> prompt, out;
    std::vector<double>      at; // when each of out was known
    double                   begin = 0.0;
    int32_t                  place = -1; // in the batch: of the token whose logits it waits for
};

void add(llama_batch & batch, llama_token token, int32_t pos, int32_t seq, bool output) {
    const int32_t k    = batch.n_tokens++;
    batch.token[k]     = token;
    batch.pos[k]       = pos;
    batch.n_seq_id[k]  = 1;
    batch.seq_id[k][0] = seq;
    batch.logits[k]    = output;
}

// What a sequence brings to the next step.
void join(llama_batch & batch, sequence & s, int32_t id) {
    if (s.out.empty()) {
        for (size_t i = 0; i < s.prompt.size(); ++i) {
            add(batch, s.prompt[i], (int32_t)i, id, i + 1 == s.prompt.size());
        }
    } else {
        add(batch, s.out.back(), (int32_t)(s.prompt.size() + s.out.size()) - 1, id, true);
    }
    s.place = batch.n_tokens - 1;
}

// Until every sequence has n tokens; the last one joins when the others have late_after, from the start with 0.
void run(llama_context * context, llama_batch & batch, std::vector<sequence> & sequences, int32_t n,
         int32_t late_after) {
    const stopwatch time;
    for (int32_t step = 0;; ++step) {
        batch.n_tokens = 0;
        for (size_t i = 0; i < sequences.size(); ++i) {
            sequence & s = sequences[i];
            s.place      = -1;
            if ((int32_t)s.out.size() == n || (i + 1 == sequences.size() && step < late_after)) {
                continue;
            }
            if (s.out.empty()) {
                s.begin = time.seconds();
            }
            join(batch, s, (int32_t)i);
        }
        if (batch.n_tokens == 0) {
            return;
        }
        if (llama_decode(context, batch) != 0) {
            fail("decoding failed");
        }
        for (sequence & s : sequences) {
            if (s.place >= 0) {
                s.out.push_back(likeliest(context, s.place));
                s.at.push_back(time.seconds());
            }
        }
    }
}

} // namespace

void together(llama_model * model, int32_t n_threads, std::istream & request) {
    int32_t n = 0, late_after = 0, n_rows = 0;
    request >> n >> late_after >> n_rows;
    std::vector<sequence> sequences;
    int32_t               longest = 0, total = 0;
    for (auto & row : read_rows(n_rows)) {
        longest = std::max(longest, (int32_t)row.size());
        total += (int32_t)row.size();
        sequences.emplace_back().prompt = std::move(row);
    }
    // a share of the cache for every sequence, which is the faster way where they have no prefix in common
    llama_context_params params = context_params((longest + n + 255) / 256 * 256 * n_rows, n_threads);
    params.n_batch              = (uint32_t)total;
    params.n_seq_max            = (uint32_t)n_rows;
    const context_ptr context(llama_init_from_model(model, params), llama_free);
    if (!context) {
        fail("no context for " + std::to_string(n_rows) + " sequences");
    }
    llama_batch batch = llama_batch_init(total, 0, 1);
    run(context.get(), batch, sequences, n, late_after);
    llama_batch_free(batch);
    for (const sequence & s : sequences) {
        std::cout << s.begin;
        for (size_t i = 0; i < s.out.size(); ++i) {
            std::cout << ' ' << s.at[i] << ' ' << s.out[i];
        }
        std::cout << ' ';
    }
    std::cout << std::endl;
}

} // namespace magnet::bench
