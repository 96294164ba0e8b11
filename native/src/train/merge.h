// Base + adapter -> one model: W becomes W + scale * B A.
#pragma once

#include <string>

namespace magnet::train {

// Type of the merged matrices; every other tensor is copied as it is.
enum class merge_type { base, f32, f16, bf16 };

struct merge_result {
    int64_t n_matrices = 0;
    int64_t n_bytes    = 0; // of all tensors written
};

// Writes a GGUF model with the base's metadata and the adapter's recipe. `base` quantises the sum to the type that the
// matrix had; a type that needs an importance matrix, or cannot be written, is UNSUPPORTED. Throws IO, BAD_FILE and
// MISMATCH too; output is written atomically, and must not be one of the inputs.
merge_result merge_lora(const std::string & base, const std::string & adapter, float scale, merge_type type,
                        const std::string & output);

} // namespace magnet::train
