#include "names.h"

#include "model/recipe.h"

#include <algorithm>

namespace magnet::eval {

std::vector<int32_t> choices(const int32_t * values, int32_t n, std::vector<int32_t> none, int32_t of_recipe) {
    std::vector<int32_t> out;
    if (n > 0) {
        none.assign(values, values + n);
    }
    for (int32_t value : none) {
        value = value == 0 ? of_recipe : value;
        if (std::find(out.begin(), out.end(), value) == out.end()) {
            out.push_back(value);
        }
    }
    return out;
}

std::vector<embed_variant> embed_variants(const std::vector<int32_t> & attentions, const std::vector<int32_t> & poolings) {
    std::vector<embed_variant> out;
    for (const int32_t attention : attentions) {
        for (const int32_t pooling : poolings) {
            out.push_back({std::string(attention_name(attention)) + "." + pooling_name(pooling), attention, pooling});
        }
    }
    return out;
}

} // namespace magnet::eval
