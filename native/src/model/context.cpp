#include "context.h"

#include "base/asserts.h"
#include "base/error.h"
#include "base/log.h"

namespace magnet {

void token_batch::clear() {
    tokens_.clear();
    pos_.clear();
    roles_.clear();
    seq_ids_.clear();
    outputs_.clear();
    weights_.clear();
}

void token_batch::add(int32_t token, int32_t pos, int8_t role, int32_t seq_id, bool output, float weight) {
    tokens_.push_back(token);
    pos_.push_back(pos);
    roles_.push_back(role);
    seq_ids_.push_back(seq_id);
    outputs_.push_back(output);
    weights_.push_back(weight);
}

llama_batch token_batch::view(bool pooled) {
    n_seq_ids_.assign(tokens_.size(), 1);
    seq_id_ptrs_.resize(tokens_.size());
    for (size_t i = 0; i < tokens_.size(); ++i) {
        seq_id_ptrs_[i] = &seq_ids_[i];
    }

    llama_batch batch = {};
    batch.n_tokens    = size();
    batch.token       = tokens_.data();
    batch.pos         = pos_.data();
    batch.n_seq_id    = n_seq_ids_.data();
    batch.seq_id      = seq_id_ptrs_.data();
    batch.logits      = outputs_.data();
    batch.roles       = roles_.data();
    batch.pool        = pooled ? weights_.data() : nullptr;
    return batch;
}

graph_context::graph_context(std::shared_ptr<model> base, llama_context_params params, const thread_share & threads,
                             const std::atomic<bool> & cancelled) :
    base_(std::move(base)), threads_(threads) {
    params.n_threads           = threads_.n_threads;
    params.n_threads_batch     = threads_.n_threads;
    params.abort_callback_data = const_cast<std::atomic<bool> *>(&cancelled);
    params.abort_callback      = [](void * data) { return static_cast<std::atomic<bool> *>(data)->load(); };

    log_capture                 capture;
    const thrown_asserts        asserts;
    std::lock_guard<std::mutex> lock(base_->adapter_mutex());
    llama_.reset(llama_init_from_model(base_->llama(), params));
    if (!llama_ && asserts.failed()) {
        throw error(MAGNET_STATUS_BAD_FILE, base_->path() + " cannot be computed with: a check of llama.cpp failed" +
                                                capture.reason() + ".");
    }
    if (!llama_) {
        throw error(MAGNET_STATUS_OUT_OF_MEMORY, "llama.cpp cannot make a context of " + std::to_string(params.n_ctx) +
                                                     " tokens" + capture.reason() + ".");
    }
}

void graph_context::set_adapters(const std::vector<used_adapter> & adapters) {
    std::vector<llama_adapter_lora *> list;
    std::vector<float>                scales;
    for (const used_adapter & use : adapters) {
        list.push_back(use.what->llama());
        scales.push_back(use.scale);
    }
    llama_set_adapters_lora(llama_.get(), list.data(), list.size(), scales.data());
    reserve_pending_ = true;
}

void graph_context::run(const llama_batch & batch, bool with_memory) {
    const int32_t n_threads = threads_.now(*base_);
    llama_set_n_threads(llama_.get(), n_threads, n_threads);

    // the first run after a change of adapters sizes the graph by the model's list of adapters
    std::unique_lock<std::mutex> lock(base_->adapter_mutex(), std::defer_lock);
    if (reserve_pending_) {
        lock.lock();
    }

    log_capture capture(/*warns=*/false); // of what it takes back when a call is cancelled
    int32_t     status = 0;
    try {
        const thrown_asserts asserts;
        status = with_memory ? llama_decode(llama_.get(), batch) : llama_encode(llama_.get(), batch);
    } catch (const error &) {
        throw;
    } catch (const std::runtime_error & e) { // the graph is made here
        throw error(MAGNET_STATUS_BAD_FILE, base_->path() + " cannot be computed with: a check of llama.cpp failed (" +
                                                e.what() + ").");
    }
    reserve_pending_ = false;
    switch (status) {
        case 0:  return;
        case 1:  throw error(MAGNET_STATUS_TOO_LONG, "no room for " + std::to_string(batch.n_tokens) +
                                                         " more tokens in the KV cache.");
        case 2:  throw error(MAGNET_STATUS_CANCELLED, "the call was cancelled.");
        case -2: throw error(MAGNET_STATUS_OUT_OF_MEMORY, "llama.cpp cannot allocate memory for " +
                                                              std::to_string(batch.n_tokens) + " tokens" +
                                                              capture.reason() + ".");
        default: throw error(MAGNET_STATUS_INTERNAL, "llama.cpp failed with code " + std::to_string(status) +
                                                         capture.reason() + ".");
    }
}

} // namespace magnet
