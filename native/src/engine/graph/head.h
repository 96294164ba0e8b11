// The output head, cut out of the model's own graph: logits of hidden states, cross-entropy and its gradient. Whatever
// an architecture puts there (soft-capping, scales, biases) is in it.
#pragma once

#include "engine/threads.h"
#include "rewrite.h"
#include "runner.h"

#include <functional>
#include <mutex>
#include <vector>

namespace magnet::graph {

class graph_head {
public:
    graph_head(llama_context * context, frozen_weights & frozen, bool exact, int32_t n_threads);

    // As engine::logits and engine::cross_entropy. Any thread; calls take turns.
    void logits(const float * hidden, int32_t n, float * out);
    void cross_entropy(const float * hidden, const int32_t * index, const int32_t * targets, const float * weight,
                       int32_t n, float * nll, float * d_hidden);

    void divergence(const float * base, const float * hidden, float weight, int32_t n, float * out, float * d_hidden);

    void count(device_memory & memory) const;

private:
    product_rules rules() const { return { frozen_, exact_, products_.get() }; }

    // The positions of one pass.
    struct chunk {
        const float *   hidden;
        const int32_t * targets;
        const float *   weight; // NULL: 1
        int32_t         n;
        float *         nll;
        float *         d_hidden; // may be hidden itself; NULL: losses alone
    };
    void  loss_on_host(const chunk & c);            // by the fused engine's kernels, on logits that lie there

    // Runs the head on n states. use(i, logits [V], d_logits [V], or NULL where d_hidden is) is called of each, from
    // several threads; the gradient goes to d_hidden [n, D], which may be hidden itself, or NULL.
    using score_use = std::function<void(int32_t i, const float * logits, float * d_logits)>;
    void run_on_host(const float * hidden, int32_t n, float * d_hidden, const score_use & use);
    void  loss_in_graph(const chunk & c);           // with logits that stay on their device
    float nll_of(int32_t position, int32_t target); // of the graph that has run
    void  prepare_seed();

    frozen_weights &        frozen_;
    const bool              exact_;
    const int32_t           n_embd_;
    const int32_t           n_vocab_;
    const int32_t           chunk_size_; // positions computed together
    forward_graph           forward_;
    graph_runner            runner_;
    std::unique_ptr<cpu_products> products_; // NULL: ggml's
    thread_pool      pool_;
    std::mutex              mutex_;
    ggml_context_ptr        seed_context_;
    ggml_backend_buffer_ptr seed_buffer_;
    ggml_tensor *           seed_ = nullptr; // [n_vocab, chunk] gradient with respect to the logits
    std::vector<float>      scores_;
    std::vector<float>      d_scores_;
};

} // namespace magnet::graph
