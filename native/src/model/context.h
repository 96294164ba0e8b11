// A llama_context and what every use of one needs: adapters, cancelling, statuses turned into errors.
#pragma once

#include "adapter.h"
#include "model.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

namespace magnet {

struct used_adapter {
    std::shared_ptr<adapter> what;
    float                    scale;
};

// Threads of a session. Shared: the calls that run on a model at one time divide them between themselves, because
// threads that wait for each other at barriers come to a halt where there are more of them than processors.
struct thread_share {
    int32_t n_threads;
    bool    shared;

    int32_t now(const model & m) const {
        return shared ? std::max(1, n_threads / std::max(1, m.running_calls().load())) : n_threads;
    }
};

// Tokens of rows that go through a graph without memory together. The mask of a pass is one square over all its tokens, so
// short rows gain from short passes. A GPU gains from long ones all the same, because starting a kernel takes longer than
// a small one runs.
constexpr int32_t tokens_of_pass(bool on_gpu) { return on_gpu ? 1024 : 256; }

// Tokens for one llama_decode() or llama_encode().
class token_batch {
public:
    void clear();
    // output: its logits or hidden state are wanted. weight: in the pooled vector of its sequence.
    void add(int32_t token, int32_t pos, int8_t role, int32_t seq_id, bool output, float weight = 0.0f);

    int32_t     size() const { return (int32_t) tokens_.size(); }
    llama_batch view(bool pooled); // borrows until the next change

private:
    std::vector<llama_token>    tokens_;
    std::vector<llama_pos>      pos_;
    std::vector<int8_t>         roles_;
    std::vector<llama_seq_id>   seq_ids_;
    std::vector<llama_seq_id *> seq_id_ptrs_;
    std::vector<int32_t>        n_seq_ids_;
    std::vector<int8_t>         outputs_;
    std::vector<float>          weights_;
};

struct llama_context_deleter {
    void operator()(llama_context * context) const { llama_free(context); }
};

class graph_context {
public:
    // The threads of params are not read. cancelled is looked at while the CPU backend computes. Throws OUT_OF_MEMORY.
    graph_context(std::shared_ptr<model> base, llama_context_params params, const thread_share & threads,
                  const std::atomic<bool> & cancelled);

    llama_context * get() const { return llama_.get(); }

    void set_adapters(const std::vector<used_adapter> & adapters);

    // Throw CANCELLED, TOO_LONG (no room in the KV cache), OUT_OF_MEMORY or INTERNAL. What memory holds after a
    // failure is not known: clear it.
    void decode(const llama_batch & batch) { run(batch, true); }
    void encode(const llama_batch & batch) { run(batch, false); }

private:
    void run(const llama_batch & batch, bool with_memory);

    std::shared_ptr<model>                                base_;
    const thread_share                                    threads_;
    std::unique_ptr<llama_context, llama_context_deleter> llama_;
    bool                                                  reserve_pending_ = false; // the next run counts adapters
};

} // namespace magnet
