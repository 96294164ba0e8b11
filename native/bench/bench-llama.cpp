// bench-llama MODEL N_THREADS: plain llama.cpp as a worker of bench-inference, built against the stock and against the
// patched version (magnet_twin_program). One request a line on stdin, one answer on stdout:
//
//   generate N_PREDICT ID…   a prompt from an empty cache, then greedy tokens
//        -> PROMPT_S PROMPT_CPU_S DECODE_S DECODE_CPU_S ID…
//   together N_PREDICT LATE_AFTER N_ROWS, then N_ROWS lines of IDs   greedy tokens of several sequences in one batch;
//        the last one joins when the others have LATE_AFTER tokens
//        -> for each: BEGIN, then N_PREDICT times AT ID: seconds since the start
//   logits N_FIRST ID…   a prompt of N_FIRST tokens, then the others one by one
//        -> N_FLOATS, then as many float32: [tokens - N_FIRST + 1, V]
//   embed N_BATCH N_ROWS, then N_ROWS lines of IDs   causal, last token, in passes of at most N_BATCH tokens, in the
//        order given, as llama-embedding does it
//        -> S CPU_S N_FLOATS, then as many float32
//
// DECODE counts the N_PREDICT - 1 passes of one token each. CPU_S is the processor time of all threads.
#include "llama-worker.h"

#include <sstream>

namespace magnet::bench {

std::vector<std::vector<llama_token>> read_rows(int32_t n) {
    std::vector<std::vector<llama_token>> rows((size_t)n);
    for (auto & row : rows) {
        std::string line;
        std::getline(std::cin, line);
        std::istringstream in(line);
        row = read_ids(in);
    }
    return rows;
}

namespace {

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
        begin((int32_t)prompt.size() + n_predict);

        const stopwatch prompt_time;
        llama_token     token    = decode(prompt);
        const double    prompt_s = prompt_time.seconds(), prompt_cpu = prompt_time.cpu_seconds();
        const stopwatch decode_time;
        for (int32_t i = 0; i < n_predict; ++i) {
            out.push_back(token);
            if (i + 1 < n_predict) {
                std::vector<llama_token> one = {token};
                token                        = decode(one);
            }
        }
        std::cout << prompt_s << ' ' << prompt_cpu << ' ' << decode_time.seconds() << ' ' << decode_time.cpu_seconds();
        for (const llama_token id : out) {
            std::cout << ' ' << id;
        }
        std::cout << std::endl;
    }

    void logits(std::istream & request) {
        size_t n_first = 0;
        request >> n_first;
        std::vector<llama_token> tokens  = read_ids(request);
        const int32_t            n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(model_.get()));
        begin((int32_t)tokens.size());
        std::cout << (tokens.size() - n_first + 1) * (size_t)n_vocab << '\n';
        for (size_t end = n_first, from = 0; end <= tokens.size(); from = end++) {
            std::vector<llama_token> next(tokens.begin() + (ptrdiff_t)from, tokens.begin() + (ptrdiff_t)end);
            decode(next);
            std::cout.write(reinterpret_cast<const char *>(llama_get_logits_ith(decoder_.get(), -1)),
                            (std::streamsize)((size_t)n_vocab * sizeof(float)));
        }
        std::cout.flush();
    }

    void together(std::istream & request) { bench::together(model_.get(), n_threads_, request); }

    void embed(std::istream & request) {
        int32_t n_batch = 0, n_rows = 0;
        request >> n_batch >> n_rows;
        const std::vector<std::vector<llama_token>> rows = read_rows(n_rows);
        if (!encoder_ || (int32_t)llama_n_batch(encoder_.get()) != n_batch) {
            llama_context_params params = context_params(n_batch, n_threads_);
            params.n_batch              = n_batch;
            params.n_ubatch             = n_batch;
            params.n_seq_max            = max_sequences;
            params.kv_unified           = true;
            params.embeddings           = true;
            params.pooling_type         = LLAMA_POOLING_TYPE_LAST;
            encoder_.reset(llama_init_from_model(model_.get(), params));
        }

        const int32_t      n_embd = llama_model_n_embd(model_.get());
        std::vector<float> vectors((size_t)n_rows * n_embd);
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
                std::copy(v, v + n_embd, vectors.begin() + (size_t)r * n_embd);
            }
            batch.n_tokens = 0;
            first          = end;
        };
        for (int32_t r = 0; r < n_rows; ++r) {
            if (batch.n_tokens + (int32_t)rows[r].size() > n_batch || r - first == max_sequences) {
                flush(r);
            }
            for (size_t i = 0; i < rows[r].size(); ++i) {
                const int32_t k    = batch.n_tokens++;
                batch.token[k]     = rows[r][i];
                batch.pos[k]       = (llama_pos)i;
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
        std::cout.write(reinterpret_cast<const char *>(vectors.data()),
                        (std::streamsize)(vectors.size() * sizeof(float)));
        std::cout.flush();
    }

private:
    static constexpr int32_t max_sequences = 64;

    // An empty cache for so many tokens.
    void begin(int32_t n_tokens) {
        if (!decoder_ || (int32_t)llama_n_ctx(decoder_.get()) < n_tokens) {
            llama_context_params params = context_params((n_tokens + 255) / 256 * 256, n_threads_);
            decoder_.reset(llama_init_from_model(model_.get(), params));
        }
        llama_memory_clear(llama_get_memory(decoder_.get()), false);
    }

    // The likeliest token after these.
    llama_token decode(std::vector<llama_token> & tokens) {
        for (size_t i = 0; i < tokens.size(); i += llama_n_batch(decoder_.get())) {
            const size_t n = std::min<size_t>(llama_n_batch(decoder_.get()), tokens.size() - i);
            if (llama_decode(decoder_.get(), llama_batch_get_one(tokens.data() + i, (int32_t)n)) != 0) {
                fail("decoding failed");
            }
        }
        return likeliest(decoder_.get(), -1);
    }

    const int32_t                                             n_threads_;
    std::unique_ptr<llama_model, decltype(&llama_model_free)> model_;
    context_ptr                                               decoder_{nullptr, llama_free};
    context_ptr                                               encoder_{nullptr, llama_free};
};

void serve(worker & w) {
    std::string line;
    while (std::getline(std::cin, line)) {
        std::istringstream request(line);
        std::string        verb;
        request >> verb;
        verb == "generate"   ? w.generate(request)
        : verb == "together" ? w.together(request)
        : verb == "logits"   ? w.logits(request)
        : verb == "embed"    ? w.embed(request)
                             : fail("unknown request " + verb);
    }
}

} // namespace

} // namespace magnet::bench

int main(int argc, char ** argv) {
    if (argc != 3) {
        std::cerr << "usage: bench-llama MODEL N_THREADS\n";
        return 2;
    }
    magnet::bench::worker w(argv[1], atoi(argv[2]));
    magnet::bench::serve(w);
    return 0;
}
