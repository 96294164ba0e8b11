// A LoRA adapter of one model, with MAGNET's recipe from its metadata. Immutable, shared by sessions. Its file is read when
// it is loaded, for both engines, and never again.
#pragma once

#include "lora-set.h"
#include "model.h"
#include "recipe.h"

#include <memory>
#include <optional>
#include <string>

namespace magnet {

class adapter {
public:
    // Throws magnet::error (IO, BAD_FILE, MISMATCH).
    static std::shared_ptr<adapter> load(const std::shared_ptr<model> & base, const std::string & path);
    ~adapter();

    llama_adapter_lora * llama() const { return llama_; }

    // The same matrices for the fused engine, or NULL: then why says what in the file stands against it.
    const lora_set * matrices(std::string & why) const {
        why = no_matrices_;
        return matrices_ ? &*matrices_ : nullptr;
    }

    const model &        base() const { return *base_; }
    const recipe &       how() const { return recipe_; }
    const std::string &  path() const { return path_; }
    std::string          digest() const { return file_.digest(); }

    // The pointers borrow from the adapter.
    magnet_adapter_info info() const;

private:
    explicit adapter(const std::string & path) : path_(path), file_(path) {}

    std::shared_ptr<model>  base_; // llama.cpp: an adapter is valid as long as its model
    llama_adapter_lora *    llama_ = nullptr;
    std::optional<lora_set> matrices_;
    std::string             no_matrices_; // why there are none
    recipe                  recipe_;
    std::string             path_;
    file_identity           file_;
    std::string             architecture_;
    int32_t                 rank_       = 0;
    float                   alpha_      = 0.0f;
    int32_t                 n_matrices_ = 0;
};

} // namespace magnet
