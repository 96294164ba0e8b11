// The matrices of a LoRA adapter in memory (arXiv 2106.09685). Matrices are row-major.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace magnet {

// One adapted matrix: W x becomes W x + scale * B (A x), scale = alpha / rank (LoRA, arXiv 2106.09685).
struct lora_matrix {
    std::string        target;  // GGUF tensor name of the base matrix, e.g. "blk.0.attn_q.weight"
    int32_t            n_in  = 0;
    int32_t            n_out = 0;
    std::vector<float> a;       // [rank, n_in]
    std::vector<float> b;       // [n_out, rank]
};

struct lora_set {
    int32_t                  rank  = 0;
    float                    scale = 1.0f;
    std::vector<lora_matrix> matrices;
};

} // namespace magnet
