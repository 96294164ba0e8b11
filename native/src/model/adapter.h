// A LoRA adapter of one model, with MAGNET's recipe from its metadata. Immutable, shared by sessions.
#pragma once

#include "model.h"
#include "recipe.h"

#include <memory>
#include <string>

namespace magnet {

class adapter {
public:
    // Throws magnet::error (IO, BAD_FILE, MISMATCH).
    static std::shared_ptr<adapter> load(const std::shared_ptr<model> & base, const std::string & path);
    ~adapter();

    llama_adapter_lora * llama() const { return llama_; }
    const model &        base() const { return *base_; }
    const recipe &       how() const { return recipe_; }
    const std::string &  path() const { return path_; }

    // The pointers borrow from the adapter.
    magnet_adapter_info info() const;

private:
    adapter() = default;

    std::shared_ptr<model> base_; // llama.cpp: an adapter is valid as long as its model
    llama_adapter_lora *   llama_ = nullptr;
    recipe                 recipe_;
    std::string            path_;
    std::string            architecture_;
    int32_t                rank_       = 0;
    float                  alpha_      = 0.0f;
    int32_t                n_matrices_ = 0;
};

} // namespace magnet
