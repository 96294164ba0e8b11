// LoRA adapters as tensors on the model's devices: what the forward graph reads and training differentiates.
#pragma once

#include "frozen-weights.h"
#include "llama/magnet-graph.h"
#include "magnet-engine.h"

#include <string>
#include <unordered_map>
#include <vector>

namespace magnet {

class graph_adapters {
public:
    // Targets as of engine::targets().
    graph_adapters(const llama_model * model, const std::vector<lora_matrix> & targets);

    // Throws magnet::error (MISMATCH) on a target that is not there or has another size, OUT_OF_MEMORY.
    void set(const std::vector<const lora_set *> & sets);

    const std::vector<lora_tensors> & terms() const { return terms_; }

    // Of the first set, A and B in turn, in the order of its matrices.
    const std::vector<ggml_tensor *> & trained() const { return trained_; }

    // Index into targets, -1 = none.
    int32_t target(const std::string & name) const;

    // Throws MISMATCH unless grad has the shape of the first set.
    void check_gradient(const lora_set & grad) const;

    void count(device_memory & memory) const;

private:
    bool same_shapes(const std::vector<const lora_set *> & sets) const;
    void allocate_terms(const std::vector<const lora_set *> & sets);

    const llama_model *                      model_;
    const std::vector<lora_matrix>           targets_;
    std::unordered_map<std::string, int32_t> index_;
    std::vector<lora_tensors>                terms_; // set after set
    std::vector<ggml_tensor *>               trained_;
    std::vector<ggml_context_ptr>            contexts_;
    std::vector<ggml_backend_buffer_ptr>     buffers_;
};

} // namespace magnet
