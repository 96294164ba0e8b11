#include "kv-cache.h"

#include <algorithm>

namespace magnet::fused {

namespace {

// Where row k, column c of a panel lies: rows of bf16 are interleaved in pairs (kernels.h).
template <class T>
int64_t panel_index(int32_t k, int32_t c) {
    return sizeof(T) == sizeof(float) ? int64_t(k) * panel_width + c
                                      : int64_t(k / 2) * 2 * panel_width + 2 * c + k % 2;
}

} // namespace

template <class T>
void sequence_cache<T>::reserve(int32_t n) {
    const int64_t wanted = (n + panel_width - 1) / panel_width;
    if (wanted <= blocks) {
        return;
    }
    const int64_t          more = std::max(wanted, blocks + blocks / 2); // a conversation that grows seldom moves
    const int64_t          used = (size() + panel_width - 1) / panel_width;
    std::vector<buffer<T>> larger;
    for (const buffer<T> & from : layers) {
        buffer<T> to(2 * n_head_kv * more * head_block);
        for (int32_t part = 0; used > 0 && part < 2 * n_head_kv; ++part) {
            std::copy_n(from.data() + part * blocks * head_block, used * head_block,
                        to.data() + part * more * head_block);
        }
        larger.push_back(std::move(to));
    }
    layers = std::move(larger);
    blocks = more;
}

template <class T>
void sequence_cache<T>::copy_from(const kv_cache & other) {
    const auto &  from = static_cast<const sequence_cache &>(other);
    const int64_t used = (from.size() + panel_width - 1) / panel_width;
    cells.truncate(0);
    reserve(from.size());
    for (size_t l = 0; used > 0 && l < layers.size(); ++l) {
        for (int32_t part = 0; part < 2 * n_head_kv; ++part) {
            std::copy_n(from.layers[l].data() + part * from.blocks * head_block, used * head_block,
                        layers[l].data() + part * blocks * head_block);
        }
    }
    cells = from.cells;
}

template <class T>
void sequence_cache<T>::store(int32_t layer, int32_t cell, int32_t head_kv, const T * key, const T * value) {
    const int64_t block  = cell / panel_width * head_block;
    const int32_t in     = cell % panel_width;
    T *           keys   = layers[layer].data() + 2 * head_kv * blocks * head_block + block;
    T *           values = keys + blocks * head_block;
    for (int32_t d = 0; d < head_dim; ++d) {
        keys[panel_index<T>(d, in)] = key[d];
    }
    for (int32_t d = 0; d < head_dim; ++d) {
        values[d / panel_width * panel_width * panel_width + panel_index<T>(in, d % panel_width)] = value[d];
    }
}

template class sequence_cache<bf16>;
template class sequence_cache<float>;

} // namespace magnet::fused
