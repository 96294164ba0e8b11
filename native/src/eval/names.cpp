#include "names.h"

#include <algorithm>

namespace magnet::eval {

std::string attention_name(int32_t attention) {
    return attention == MAGNET_ATTENTION_CAUSAL ? "causal" : "bidirectional";
}

std::string context_name(int32_t context) {
    switch (context) {
        case MAGNET_CONTEXT_HYBRID:
            return "hybrid";
        case MAGNET_CONTEXT_ORDERED:
            return "ordered";
        default:
            return "left";
    }
}

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
    const auto pooling_name = [](int32_t pooling) {
        return pooling == MAGNET_POOLING_LAST ? "last" : pooling == MAGNET_POOLING_MEAN ? "mean" : "weighted-mean";
    };
    std::vector<embed_variant> out;
    for (const int32_t attention : attentions) {
        for (const int32_t pooling : poolings) {
            out.push_back({attention_name(attention) + "." + pooling_name(pooling), attention, pooling});
        }
    }
    return out;
}

} // namespace magnet::eval
