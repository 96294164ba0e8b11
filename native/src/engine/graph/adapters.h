// LoRA adapters as tensors on the model's devices: what the forward graph reads and training differentiates.
#pragma once

#include "engine/engine.h"
#include "llama/magnet-graph.h"
#include "tensor-block.h"

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace magnet::graph {

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

    // For each of trained(), what graphs add its gradient to; zero after clear_sums(). Throws OUT_OF_MEMORY.
    void                               clear_sums();
    const std::vector<ggml_tensor *> & sums() const { return sums_; }
    void                               add_sums_to(lora_set & grad);

    void count(device_memory & memory) const;

private:
    // By device.
    class blocks {
    public:
        void           clear() { of_device_.clear(); }
        tensor_block & beside(const ggml_tensor * weight, size_t n_tensors); // made when first asked for
        tensor_block & of(const ggml_tensor * t) const;                      // that holds t
        template <class Do> void each(Do && what) const {
            for (const auto & entry : of_device_) {
                what(*entry.second);
            }
        }

    private:
        std::map<ggml_backend_buffer_type_t, std::unique_ptr<tensor_block>> of_device_;
    };

    bool same_shapes(const std::vector<const lora_set *> & sets) const;
    void allocate_terms(const std::vector<const lora_set *> & sets);
    void allocate_sums();

    const llama_model *                      model_;
    const std::vector<lora_matrix>           targets_;
    std::unordered_map<std::string, int32_t> index_;
    std::vector<lora_tensors>                terms_; // set after set
    std::vector<ggml_tensor *>               trained_;
    std::vector<ggml_tensor *>               sums_;
    blocks                                   term_blocks_;
    blocks                                   sum_blocks_;
};

} // namespace magnet::graph
