// llama.cpp's GGUF file of a LoRA adapter, with MAGNET's recipe in its metadata.
#pragma once

#include "lora-set.h"
#include "recipe.h"

#include <string>

namespace magnet {

// What an adapter file holds. set.scale = alpha / set.rank.
struct lora_adapter {
    std::string arch;      // general.architecture of the base
    std::string base_name; // general.name of the base, "" = not known
    float       alpha = 0; // 0 in a file means scale 1
    lora_set    set;
    recipe      how;
};

enum class lora_type { f32, f16 };

// Replaces path atomically by a file that llama.cpp's --lora reads too. f16: F32 all the same, with a warning in the log, where a
// weight is beyond its range. Throws IO.
void save_lora(const std::string & path, const lora_adapter & adapter, lora_type type);

// Matrices of smaller rank than the largest are padded with zeros. Throws IO, BAD_FILE, and UNSUPPORTED for matrices of a
// type that holds no weights.
lora_adapter load_lora(const std::string & path);

} // namespace magnet
