// LoRA adapters (arXiv 2106.09685): which matrices, their start, and llama.cpp's GGUF file of them.
#pragma once

#include "magnet-engine.h"
#include "magnet-recipe.h"

#include <cstdint>
#include <string>
#include <vector>

namespace magnet {

// What an adapter file holds. set.scale = alpha / set.rank.
struct lora_adapter {
    std::string arch;      // general.architecture of the base
    std::string base_name; // general.name of the base, "" = not known
    float       alpha = 0; // 0 in a file means scale 1
    lora_set    set;
    recipe      how;
};

// The matrices of `all` that `wanted` names: "q", "k", "v", "o", "gate", "up", "down" in every layer, or GGUF tensor
// names with or without ".weight" ("blk.3.attn_q"). Where one matrix does the work of several (attn_qkv; ffn_up with the
// gate in it), or there is no gate, their short names mean that one. Order of `all`. Throws INVALID_ARGUMENT on a name that fits none.
std::vector<lora_matrix> select_targets(const std::vector<lora_matrix> & all, const std::vector<std::string> & asked);

// Fresh matrices: A uniform in +-1/sqrt(n_in) (kaiming_uniform with a = sqrt(5), as PEFT does), B zero, so that
// training starts from the bare base. The same seed gives the same bits everywhere.
lora_set make_lora(const std::vector<lora_matrix> & targets, int32_t rank, float alpha, uint64_t seed);

// The same shape, all zero.
lora_set zeros_like(const lora_set & set);

// Trained numbers of the set, A and B together.
int64_t n_parameters(const lora_set & set);

enum class lora_type { f32, f16 };

// Replaces path atomically by a file that llama.cpp's --lora reads too. Throws IO.
void save_lora(const std::string & path, const lora_adapter & adapter, lora_type type);

// Matrices of smaller rank than the largest are padded with zeros. Throws IO, BAD_FILE.
lora_adapter load_lora(const std::string & path);

} // namespace magnet
