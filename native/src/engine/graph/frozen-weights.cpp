#include "frozen-weights.h"

#include "base/error.h"
#include "gradient.h"

#include "ggml-backend.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace magnet::graph {

bool is_stored(const ggml_tensor * t) { return is_leaf(t) && t->buffer; }

ggml_backend_buffer_type_t companion_buffer_type(const ggml_tensor * w) {
    ggml_backend_buffer_type_t type   = ggml_backend_buffer_get_type(w->buffer);
    ggml_backend_dev_t         device = ggml_backend_buft_get_device(type);
    return device ? ggml_backend_dev_buffer_type(device) : type;
}

ggml_context_ptr make_context(size_t n_tensors) {
    const ggml_init_params params = { ggml_tensor_overhead() * n_tensors, nullptr, true };
    return ggml_context_ptr(ggml_init(params));
}

ggml_backend_buffer_ptr allocate(ggml_context * context, ggml_backend_buffer_type_t type) {
    ggml_backend_buffer_ptr buffer(ggml_backend_alloc_ctx_tensors_from_buft(context, type));
    if (!buffer) {
        throw error(MAGNET_STATUS_OUT_OF_MEMORY, std::string("no memory on ") + ggml_backend_buft_name(type) +
                                                     " for what the graph engine keeps beside the weights.");
    }
    ggml_backend_buffer_set_usage(buffer.get(), GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
    return buffer;
}

std::vector<float> weight_values(const ggml_tensor * w) {
    const int64_t      n = ggml_nelements(w);
    std::vector<float> values(n);
    if (w->type == GGML_TYPE_F32) {
        ggml_backend_tensor_get(w, values.data(), 0, ggml_nbytes(w));
        return values;
    }
    std::vector<uint8_t> bytes(ggml_nbytes(w));
    ggml_backend_tensor_get(w, bytes.data(), 0, bytes.size());
    ggml_get_type_traits(w->type)->to_float(bytes.data(), values.data(), n);
    return values;
}

ggml_tensor * frozen_weights::widened(const ggml_tensor * w) {
    return w->type == GGML_TYPE_F32 ? const_cast<ggml_tensor *>(w) : copy(w, false);
}

void frozen_weights::forget(const ggml_tensor * w) {
    copies_.erase({ w, true });
    copies_.erase({ w, false });
}

void frozen_weights::count(device_memory & memory) const {
    for (const auto & entry : copies_) {
        memory.add("copies", entry.second.buffer.get());
    }
}

// [rows, columns] -> [columns, rows], in blocks that stay in cache.
static void turn(const float * from, int64_t rows, int64_t columns, float * to) {
    constexpr int64_t block = 32;
    for (int64_t r0 = 0; r0 < rows; r0 += block) {
        for (int64_t c0 = 0; c0 < columns; c0 += block) {
            for (int64_t r = r0; r < std::min(rows, r0 + block); ++r) {
                for (int64_t c = c0; c < std::min(columns, c0 + block); ++c) {
                    to[c * rows + r] = from[r * columns + c];
                }
            }
        }
    }
}

ggml_tensor * frozen_weights::copy(const ggml_tensor * w, bool turned) {
    held & h = copies_[{ w, turned }];
    if (h.tensor) {
        return h.tensor;
    }
    const enum ggml_type type = exact_ || !turned ? GGML_TYPE_F32 : GGML_TYPE_BF16;
    h.context                 = make_context(1);
    ggml_tensor * t = turned ? ggml_new_tensor_4d(h.context.get(), type, w->ne[1], w->ne[0], w->ne[2], w->ne[3])
                             : ggml_new_tensor_4d(h.context.get(), type, w->ne[0], w->ne[1], w->ne[2], w->ne[3]);
    ggml_format_name(t, "%s%s", w->name, turned ? " (transposed)" : " (F32)");
    if (shapes_only_) {
        return h.tensor = t;
    }
    h.buffer = allocate(h.context.get(), companion_buffer_type(w));

    std::vector<float> values = weight_values(w);
    if (turned) {
        std::vector<float> other(values.size());
        const int64_t      size = w->ne[0] * w->ne[1];
        for (int64_t i = 0; i < w->ne[2] * w->ne[3]; ++i) {
            turn(values.data() + i * size, w->ne[1], w->ne[0], other.data() + i * size);
        }
        values.swap(other);
    }
    if (type == GGML_TYPE_F32) {
        ggml_backend_tensor_set(t, values.data(), 0, ggml_nbytes(t));
    } else {
        std::vector<ggml_bf16_t> rounded(values.size());
        ggml_fp32_to_bf16_row(values.data(), rounded.data(), (int64_t) values.size());
        ggml_backend_tensor_set(t, rounded.data(), 0, ggml_nbytes(t));
    }
    h.tensor = t;
    return t;
}

} // namespace magnet::graph
