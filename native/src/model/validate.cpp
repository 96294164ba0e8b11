#include "validate.h"

#include "base/error.h"
#include "base/utf8.h"

#include "ggml-cpu.h"
#include "llama.h"

#include <cmath>
#include <limits>
#include <string_view>
#include <unordered_map>

namespace magnet {

namespace {

constexpr int64_t max_layers = 512, max_experts = 512; // LLAMA_MAX_LAYERS, LLAMA_MAX_EXPERTS
constexpr int64_t max_int    = std::numeric_limits<int32_t>::max();
constexpr int64_t max_width  = 1 << 24; // products of two widths are counted in 64 bits

struct range {
    const char * key; // after "ARCHITECTURE."
    int64_t      low, high;
};

constexpr range ranges[] = {
    {"context_length", 1, max_int},
    {"embedding_length", 1, max_width},
    {"embedding_length_out", 1, 1 << 16}, // a batch of such vectors is allocated
    {"block_count", 1, max_layers},
    {"nextn_predict_layers", 0, max_layers},
    {"feed_forward_length", 0, max_width},
    {"expert_count", 0, max_experts},
    {"expert_used_count", 0, max_experts},
    {"expert_group_count", 0, max_experts},
    {"attention.head_count", 0, max_width},
    {"attention.head_count_kv", 0, max_width},
    {"attention.key_length", 0, max_width},
    {"attention.value_length", 0, max_width},
    {"rope.dimension_count", 0, max_width},
    {"pooling_type", LLAMA_POOLING_TYPE_NONE, LLAMA_POOLING_TYPE_RANK},
    {"expert_gating_func", 0, 4}, // llama_expert_gating_func_type
};

class metadata {
public:
    explicit metadata(const gguf_reader & file) : file_(file), meta_(file.meta()) {}

    // Each number of a key, whatever its type: of a list, all.
    template <typename Visit>
    void for_each_number(int64_t id, const Visit & visit) const {
        const bool      list = gguf_get_kv_type(meta_, id) == GGUF_TYPE_ARRAY;
        const gguf_type type = list ? gguf_get_arr_type(meta_, id) : gguf_get_kv_type(meta_, id);
        if (type == GGUF_TYPE_STRING || type == GGUF_TYPE_ARRAY) {
            return;
        }
        const void * data = list ? gguf_get_arr_data(meta_, id) : gguf_get_val_data(meta_, id);
        for (size_t i = 0, n = list ? gguf_get_arr_n(meta_, id) : 1; i < n; ++i) {
            visit(number(type, data, i), type);
        }
    }

    [[noreturn]] void bad(int64_t id, double value, const std::string & expected) const {
        char text[40];
        std::snprintf(text, sizeof text, std::abs(value) < 1e15 && value == std::floor(value) ? "%.0f" : "%.9g", value);
        throw error(MAGNET_STATUS_BAD_FILE, file_.path + " is damaged: " + gguf_get_key(meta_, id) + " is " + text +
                                                "; it must be " + expected + ".");
    }

private:
    static double number(gguf_type type, const void * data, size_t i) {
        switch (type) {
            case GGUF_TYPE_UINT8:   return static_cast<const uint8_t *>(data)[i];
            case GGUF_TYPE_INT8:
            case GGUF_TYPE_BOOL:    return static_cast<const int8_t *>(data)[i];
            case GGUF_TYPE_UINT16:  return static_cast<const uint16_t *>(data)[i];
            case GGUF_TYPE_INT16:   return static_cast<const int16_t *>(data)[i];
            case GGUF_TYPE_UINT32:  return static_cast<const uint32_t *>(data)[i];
            case GGUF_TYPE_INT32:   return static_cast<const int32_t *>(data)[i];
            case GGUF_TYPE_UINT64:  return double(static_cast<const uint64_t *>(data)[i]);
            case GGUF_TYPE_INT64:   return double(static_cast<const int64_t *>(data)[i]);
            case GGUF_TYPE_FLOAT32: return static_cast<const float *>(data)[i];
            case GGUF_TYPE_FLOAT64: return static_cast<const double *>(data)[i];
            default:                return 0.0;
        }
    }

    const gguf_reader &  file_;
    gguf_context * const meta_;
};

bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// The size of a head, and what of it is rotated.
void check_rope(const gguf_reader & file, const std::string & prefix) {
    const auto scalar = [&](const char * key, int64_t fallback) {
        const int64_t id = gguf_find_key(file.meta(), (prefix + key).c_str());
        return id < 0 || gguf_get_kv_type(file.meta(), id) == GGUF_TYPE_ARRAY ? fallback
                                                                               : file.integer(prefix + key, fallback);
    };
    const int64_t n_head = scalar("attention.head_count", 0);
    if (n_head == 0) {
        return; // no attention, or another number in each layer
    }
    const int64_t head = scalar("attention.key_length", scalar("embedding_length", 0) / n_head);
    const int64_t rot  = scalar("rope.dimension_count", head);
    if (rot < 2 || rot > head || rot % 2 != 0) {
        throw error(MAGNET_STATUS_BAD_FILE, file.path + " is damaged: " + prefix + "rope.dimension_count is " +
                                                std::to_string(rot) + "; it must be even, and in [2, " +
                                                std::to_string(head) + "], the size of a head.");
    }
}

// Kernels take no other vectors, and no other matrices than those whose rows they can multiply.
void check_types(const gguf_reader & file) {
    for (int64_t i = 0; i < gguf_get_n_tensors(file.meta()); ++i) {
        const std::string_view name = gguf_get_tensor_name(file.meta(), i);
        const ggml_type        type = gguf_get_tensor_type(file.meta(), i);
        const bool             ids  = name.find("tid2eid") != name.npos; // a table of integers
        if (ends_with(name, ".weight") && !ids && !ggml_get_type_traits_cpu(type)->vec_dot) {
            throw error(MAGNET_STATUS_BAD_FILE, file.path + " is damaged: " + std::string(name) + " has type " +
                                                    ggml_type_name(type) + ", which holds no weights.");
        }
        if (type != GGML_TYPE_F32 && (ends_with(name, ".bias") || ends_with(name, "norm.weight"))) {
            throw error(MAGNET_STATUS_BAD_FILE, file.path + " is damaged: " + std::string(name) + " has type " +
                                                    ggml_type_name(type) + "; norms and biases must be f32.");
        }
    }
}

} // namespace

void check_metadata(const gguf_reader & file) {
    gguf_context * const meta = file.meta();
    const metadata       numbers(file);
    const std::string    prefix = file.text("general.architecture") + ".";
    for (const range & r : ranges) {
        const int64_t id = gguf_find_key(meta, (prefix + r.key).c_str());
        if (id < 0) {
            continue; // llama.cpp says so where it is needed
        }
        numbers.for_each_number(id, [&](double value, gguf_type) {
            if (!(value >= double(r.low) && value <= double(r.high))) {
                numbers.bad(id, value, "in [" + std::to_string(r.low) + ", " + std::to_string(r.high) + "]");
            }
        });
    }
    for (int64_t id = 0; id < gguf_get_n_kv(meta); ++id) {
        const std::string_view key = gguf_get_key(meta, id);
        if (key.substr(0, prefix.size()) != prefix) {
            continue;
        }
        numbers.for_each_number(id, [&](double value, gguf_type type) {
            if ((type == GGUF_TYPE_FLOAT32 || type == GGUF_TYPE_FLOAT64) && !std::isfinite(value)) {
                numbers.bad(id, value, "a finite number");
            }
            if (ends_with(key, "_epsilon") && value < 0.0) {
                numbers.bad(id, value, "0 or more");
            }
            if (ends_with(key, "rope.freq_base") && value <= 0.0) {
                numbers.bad(id, value, "more than 0");
            }
        });
    }
    file.text("tokenizer.chat_template"); // or BAD_FILE
    check_rope(file, prefix);
    check_types(file);
}

void check_tokens(const gguf_reader & file) {
    const int64_t id = gguf_find_key(file.meta(), "tokenizer.ggml.tokens");
    if (id < 0 || gguf_get_kv_type(file.meta(), id) != GGUF_TYPE_ARRAY ||
        gguf_get_arr_type(file.meta(), id) != GGUF_TYPE_STRING) {
        return;
    }
    std::unordered_map<std::string_view, size_t> seen;
    for (size_t i = 0; i < gguf_get_arr_n(file.meta(), id); ++i) {
        const std::string_view token            = gguf_get_arr_str(file.meta(), id, i);
        const auto             [first, is_new] = seen.emplace(token, i);
        if (!is_new && !token.empty()) {
            throw error(MAGNET_STATUS_BAD_FILE, file.path + " is damaged: tokenizer.ggml.tokens has \"" + utf8_repair(token) +
                                                    "\" twice, as token " + std::to_string(first->second) + " and as token " +
                                                    std::to_string(i) + ".");
        }
    }
}

} // namespace magnet
