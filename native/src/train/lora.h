// Which matrices LoRA adapts (arXiv 2106.09685), and what they start from.
#pragma once

#include "model/lora-set.h"

#include <cstdint>
#include <string>
#include <vector>

namespace magnet::train {

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

} // namespace magnet::train
