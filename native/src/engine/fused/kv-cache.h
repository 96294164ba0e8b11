// Keys and values of one sequence, in the order in which its tokens were encoded, packed as attention reads them.
//
// The keys of a kv head are panels [head_dim, 32 cells], its values blocks of 32 cells by panels of 32 channels: both
// products of attention run over them as they lie, whether for one query or for a whole prompt. In 8 bits (kernels.h,
// cached_cells) they take little more than half the memory, and are widened a few blocks at a time.
#pragma once

#include "engine/engine.h"
#include "visibility.h"
#include "weights.h"

#include <vector>

namespace magnet::fused {

template <class T>
class sequence_cache : public kv_cache {
public:
    sequence_cache(const hparams & hp, bool eight_bits)
        : head_dim(hp.head_dim), n_head_kv(hp.n_head_kv), eight_bits(eight_bits),
          block_bytes(eight_bits ? bytes_of_8bit_block(hp.head_dim) : quants_of_block(hp.head_dim) * int64_t(sizeof(T))),
          layers(hp.n_layer) {}

    int32_t size() const override { return cells.size(); }
    void    truncate(int32_t n) override { cells.truncate(n); }
    void    set_role(int32_t begin, int32_t end, int8_t role) override { cells.set_role(begin, end, role); }
    int64_t bytes() const override { return layers.empty() ? 0 : int64_t(layers.size()) * layers[0].bytes(); }
    void    copy_from(const kv_cache & other) override;
    void    reserve(int32_t n) override;

    // Adds cells without keys and values: store() brings them.
    void append(const engine_row & row) { cells.append(row); }

    // Keys and values of one cell and kv head, [head_dim] each. Cells may be stored from several threads.
    void store(int32_t layer, int32_t cell, int32_t head_kv, const T * key, const T * value);

    visibility      view(int32_t window = 0) const { return cells.view(window); }
    cached_cells<T> of_head(int32_t layer, int32_t head_kv) const;

private:
    int64_t part(int32_t head_kv, bool values) const { return (2 * head_kv + values) * blocks * block_bytes; }
    void    store_part(uint8_t * block, int32_t in, const T * x, bool values) const;
    void    copy_parts(const std::vector<buffer<uint8_t>> & from, int64_t from_blocks, int64_t used,
                       std::vector<buffer<uint8_t>> & to, int64_t to_blocks) const;

    const int32_t                head_dim;
    const int32_t                n_head_kv;
    const bool                   eight_bits;
    const int64_t                block_bytes; // of 32 keys, or of 32 values
    int64_t                      blocks = 0;  // of 32 cells that there is room for
    row_visibility               cells;
    std::vector<buffer<uint8_t>> layers; // [kv head, keys and values, blocks, block_bytes]
};

extern template class sequence_cache<bf16>;
extern template class sequence_cache<float>;

} // namespace magnet::fused
