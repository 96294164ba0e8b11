// Variants of a protocol: what is compared in one run, and the names of its figures.
#pragma once

#include "evaluation.h"

#include <string>
#include <vector>

namespace magnet::eval {

// A way to embed, DEFAULT resolved by the session's recipe.
struct embed_variant {
    std::string name; // "bidirectional.mean"
    int32_t     attention;
    int32_t     pooling;
};

// Every attention with every pooling that the parameters ask for, each once.
std::vector<embed_variant> embed_variants(const std::vector<int32_t> & attentions, const std::vector<int32_t> & poolings);

// values, or what stands for none; DEFAULT (0) replaced; each once, in the order given
std::vector<int32_t> choices(const int32_t * values, int32_t n, std::vector<int32_t> none, int32_t of_recipe);

} // namespace magnet::eval
