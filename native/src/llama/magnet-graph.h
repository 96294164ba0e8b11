// llama.cpp's forward graphs for a batch without memory, made by its own builders and handed over before they run.
#pragma once

#include "ggml-backend.h"
#include "llama.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

struct ggml_cgraph;

namespace magnet {

// A low-rank term of one matrix: W x becomes W x + scale * B (A x). ggml shapes: A [n_in, rank], B [rank, n_out].
struct lora_tensors {
    std::string   target; // of the base matrix
    ggml_tensor * a     = nullptr;
    ggml_tensor * b     = nullptr;
    float         scale = 1.0f;
};

// One graph at a time. Nothing is allocated or computed here.
class forward_graph {
public:
    // The context must have been made with no_memory and without flash attention, and must outlive this.
    explicit forward_graph(llama_context * context);
    ~forward_graph();
    forward_graph(const forward_graph &)             = delete;
    forward_graph & operator=(const forward_graph &) = delete;

    // Low-rank terms of graphs built from now on; several of one target are summed. The tensors stay the caller's.
    void set_lora(const std::vector<lora_tensors> & terms);

    // The graph of a batch, all of whose tokens are output; what was built before is gone. head = false: the output head
    // is left out. The context has room for room times the nodes. Throws magnet::error (INVALID_ARGUMENT) for a batch
    // that llama.cpp refuses.
    void build(const llama_batch & batch, bool head, int32_t room);

    ggml_context * context() const; // holds the graph's tensors, without data
    ggml_cgraph *  graph() const;
    ggml_tensor *  hidden() const;  // [n_embd, tokens] after the final norm
    ggml_tensor *  logits() const;  // [n_vocab, tokens]; NULL without the head

    // Fills the inputs (tokens, positions, masks) of the built graph, once it is allocated.
    void set_inputs();

private:
    struct state;
    std::unique_ptr<state> s;
};

// The devices that the context computes on, in the order a scheduler wants them: CPU last. Owned by the context.
std::vector<ggml_backend_t> llama_backends(llama_context * context);

// Bytes of the model's weights, by where they lie.
std::map<ggml_backend_buffer_type_t, size_t> llama_weight_bytes(const llama_model * model);

// Weight of the model, or NULL.
ggml_tensor * llama_weight(const llama_model * model, const std::string & name);

} // namespace magnet
