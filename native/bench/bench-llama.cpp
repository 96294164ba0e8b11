// bench-llama MODEL N_THREADS: plain llama.cpp as a worker of bench-inference, built against the stock and against the
// patched version (magnet_twin_program). One request a line on stdin, one answer on stdout:
//
//   generate N_PREDICT ID…   a prompt from an empty cache, then greedy tokens
//        -> PROMPT_S PROMPT_CPU_S DECODE_S DECODE_CPU_S ID…
//   embed N_BATCH N_ROWS, then N_ROWS lines of IDs   causal, last token, in passes of at most N_BATCH tokens, in the
//        order given, as llama-embedding does it
//        -> S CPU_S N_FLOATS, then as many float32
//
// DECODE counts the N_PREDICT - 1 passes of one token each. CPU_S is the processor time of all threads.
#include "llama.h"

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace {

using context_ptr = std::unique_ptr<llama_context, decltype(&llama_free)>;

[[noreturn]] void fail(const std::string & what) {
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
        return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
    }
};

std::vector<llama_token> read_ids(std::istream & line) {
    std::vector<llama_token> ids;
    for (llama_token id; line >> id;) {
        ids.push_back(id);
    }
    return ids;
}

class worker {
public:
    worker(const char * path, int32_t n_threads) : n_threads_(n_threads), model_(nullptr, llama_model_free) {
        llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
        llama_model_params params = llama_model_default_params();
        params.n_gpu_layers       = 0;
        model_.reset(llama_model_load_from_file(path, params));
        if (!model_) {
            fail(std::string("cannot load ") + path);
        }
    }

    void generate(std::istream & request) {
        int32_t n_predict = 0;
        request >> n_predict;
        std::vector<llama_token> prompt = read_ids(request), out;
        const int32_t            needed = (int32_t) prompt.size() + n_predict;
        if (!decoder_ || (int32_t) llama_n_ctx(decoder_.get()) < needed) {
            llama_context_params params = context_params((needed + 255) / 256 * 256);
            decoder_.reset(llama_init_from_model(model_.get(), params));
        }
        llama_memory_clear(llama_get_memory(decoder_.get()), false);

        const stopwatch prompt_time;
        llama_token     token     = decode(prompt);
        const double    prompt_s  = prompt_time.seconds(), prompt_cpu = prompt_time.cpu_seconds();
        const stopwatch decode_time;
        for (int32_t i = 0; i < n_predict; ++i) {
            out.push_back(token);
            if (i + 1 < n_predict) {
                std::vector<llama_token> one = { token };
                token                        = decode(one);
            }
        }
        std::cout << prompt_s << ' ' << prompt_cpu << ' ' << decode_time.seconds() << ' ' << decode_time.cpu_seconds();
        for (const llama_token id : out) {
            std::cout << ' ' << id;
        }
        std::cout << std::endl;
    }

    void embed(std::istream & request) {
        int32_t n_batch = 0, n_rows = 0;
        request >> n_batch >> n_rows;
        std::vector<std::vector<llama_token>> rows(n_rows);
        for (auto & row : rows) {
            std::string line;
            std::getline(std::cin, line);
            std::istringstream in(line);
            row = read_ids(in);
        }
        if (!encoder_ || (int32_t) llama_n_batch(encoder_.get()) != n_batch) {
            llama_context_params params = context_params(n_batch);
            params.n_batch              = n_batch;
            params.n_ubatch             = n_batch;
            params.n_seq_max            = max_sequences;
            params.kv_unified           = true;
            params.embeddings           = true;
            params.pooling_type         = LLAMA_POOLING_TYPE_LAST;
            encoder_.reset(llama_init_from_model(model_.get(), params));
        }

        const int32_t      n_embd = llama_model_n_embd(model_.get());
        std::vector<float> vectors((size_t) n_rows * n_embd);
        const stopwatch    time;
        llama_batch        batch = llama_batch_init(n_batch, 0, 1);
        int32_t            first = 0;
        const auto         flush = [&](int32_t end) {
            llama_memory_clear(llama_get_memory(encoder_.get()), false);
            if (llama_decode(encoder_.get(), batch) != 0) {
                fail("embedding failed");
            }
            for (int32_t r = first; r < end; ++r) {
                const float * v = llama_get_embeddings_seq(encoder_.get(), r - first);
                std::copy(v, v + n_embd, vectors.begin() + (size_t) r * n_embd);
            }
            batch.n_tokens = 0;
            first          = end;
        };
        for (int32_t r = 0; r < n_rows; ++r) {
            if (batch.n_tokens + (int32_t) rows[r].size() > n_batch || r - first == max_sequences) {
                flush(r);
            }
            for (size_t i = 0; i < rows[r].size(); ++i) {
                const int32_t k    = batch.n_tokens++;
                batch.token[k]     = rows[r][i];
                batch.pos[k]       = (llama_pos) i;
                batch.n_seq_id[k]  = 1;
                batch.seq_id[k][0] = r - first;
                batch.logits[k]    = true;
            }
        }
        if (batch.n_tokens > 0) {
            flush(n_rows);
        }
        llama_batch_free(batch);
        std::cout << time.seconds() << ' ' << time.cpu_seconds() << ' ' << vectors.size() << '\n';
        std::cout.write(reinterpret_cast<const char *>(vectors.data()), (std::streamsize) (vectors.size() * sizeof(float)));
        std::cout.flush();
    }

private:
    static constexpr int32_t max_sequences = 64;

    llama_context_params context_params(int32_t n_ctx) const {
        llama_context_params params = llama_context_default_params();
        params.n_ctx                = n_ctx;
        params.n_threads            = n_threads_;
        params.n_threads_batch      = n_threads_;
        params.no_perf              = true;
        return params;
    }

    // The likeliest token after these.
    llama_token decode(std::vector<llama_token> & tokens) {
        for (size_t i = 0; i < tokens.size(); i += llama_n_batch(decoder_.get())) {
            const size_t n = std::min<size_t>(llama_n_batch(decoder_.get()), tokens.size() - i);
            if (llama_decode(decoder_.get(), llama_batch_get_one(tokens.data() + i, (int32_t) n)) != 0) {
                fail("decoding failed");
            }
        }
        const float * logits = llama_get_logits_ith(decoder_.get(), -1);
        return (llama_token) (std::max_element(logits, logits + llama_vocab_n_tokens(llama_model_get_vocab(model_.get()))) -
                              logits);
    }

    const int32_t                                             n_threads_;
    std::unique_ptr<llama_model, decltype(&llama_model_free)> model_;
    context_ptr                                               decoder_{ nullptr, llama_free };
    context_ptr                                               encoder_{ nullptr, llama_free };
};

} // namespace

int main(int argc, char ** argv) {
    if (argc != 3) {
        std::cerr << "usage: bench-llama MODEL N_THREADS\n";
        return 2;
    }
    worker      w(argv[1], atoi(argv[2]));
    std::string line;
    while (std::getline(std::cin, line)) {
        std::istringstream request(line);
        std::string        verb;
        request >> verb;
        verb == "generate" ? w.generate(request) : verb == "embed" ? w.embed(request) : fail("unknown request " + verb);
    }
    return 0;
}
