#include "kv-cache.h"

#include "base/memory.h"

#include <algorithm>
#include <cmath>

namespace magnet::fused {

namespace {

// Where value d of cell `in` lies in its block.
template <class T>
int64_t place_of(int32_t d, int32_t in, bool values) {
    return values ? d / panel_width * panel_width * panel_width + panel_index<T>(in, d % panel_width)
                  : panel_index<T>(d, in);
}

} // namespace

template <class T>
void sequence_cache<T>::copy_parts(const std::vector<buffer<uint8_t>> & from, int64_t from_blocks, int64_t used,
                                   std::vector<buffer<uint8_t>> & to, int64_t to_blocks) const {
    for (size_t l = 0; used > 0 && l < from.size(); ++l) {
        for (int32_t part = 0; part < 2 * n_head_kv; ++part) {
            std::copy_n(from[l].data() + part * from_blocks * block_bytes, used * block_bytes,
                        to[l].data() + part * to_blocks * block_bytes);
        }
    }
}

template <class T>
void sequence_cache<T>::reserve(int32_t n) {
    const int64_t wanted = (n + panel_width - 1) / panel_width;
    if (wanted <= blocks) {
        return;
    }
    const int64_t bytes     = int64_t(layers.size()) * 2 * n_head_kv * block_bytes; // of 32 cells
    const int64_t available = available_memory();
    if (wanted * bytes > available) {
        throw no_memory_for_cache(n, bytes / panel_width, available);
    }
    const int64_t generous = std::max(wanted, blocks + blocks / 2); // a conversation that grows seldom moves
    const int64_t more     = generous * bytes > available ? wanted : generous;
    std::vector<buffer<uint8_t>> larger;
    for (size_t l = 0; l < layers.size(); ++l) {
        larger.emplace_back(2 * n_head_kv * more * block_bytes);
    }
    copy_parts(layers, blocks, (size() + panel_width - 1) / panel_width, larger, more);
    layers = std::move(larger);
    blocks = more;
}

template <class T>
void sequence_cache<T>::copy_from(const kv_cache & other) {
    const auto & from = static_cast<const sequence_cache &>(other);
    cells.truncate(0);
    reserve(from.size());
    copy_parts(from.layers, from.blocks, (from.size() + panel_width - 1) / panel_width, layers, blocks);
    cells = from.cells;
}

template <class T>
void sequence_cache<T>::store_part(uint8_t * block, int32_t in, const T * x, bool values) const {
    if (!eight_bits) {
        for (int32_t d = 0; d < head_dim; ++d) {
            reinterpret_cast<T *>(block)[place_of<T>(d, in, values)] = x[d];
        }
        return;
    }
    auto * scales = reinterpret_cast<float *>(block + quants_of_block(head_dim));
    for (int32_t begin = 0; begin < head_dim; begin += 32) {
        const int32_t end      = std::min(begin + 32, head_dim);
        float         greatest = 0.0f;
        for (int32_t d = begin; d < end; ++d) {
            greatest = std::max(greatest, std::fabs(to_float(x[d])));
        }
        const float scale = greatest / 127.0f, inverse = greatest > 0.0f ? 127.0f / greatest : 0.0f;
        scales[begin / 32 * panel_width + in] = scale;
        for (int32_t d = begin; d < end; ++d) {
            block[place_of<T>(d, in, values)] = uint8_t(int8_t(std::lrintf(to_float(x[d]) * inverse)));
        }
    }
}

template <class T>
void sequence_cache<T>::store(int32_t layer, int32_t cell, int32_t head_kv, const T * key, const T * value) {
    uint8_t * block = layers[layer].data() + cell / panel_width * block_bytes;
    store_part(block + part(head_kv, false), cell % panel_width, key, false);
    store_part(block + part(head_kv, true), cell % panel_width, value, true);
}

template <class T>
cached_cells<T> sequence_cache<T>::of_head(int32_t layer, int32_t head_kv) const {
    const uint8_t * keys   = layers[layer].data() + part(head_kv, false);
    const uint8_t * values = layers[layer].data() + part(head_kv, true);
    if (eight_bits) {
        return { nullptr, nullptr, keys, values };
    }
    return { reinterpret_cast<const T *>(keys), reinterpret_cast<const T *>(values), nullptr, nullptr };
}

template class sequence_cache<bf16>;
template class sequence_cache<float>;

} // namespace magnet::fused
