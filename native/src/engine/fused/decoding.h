// Decoding with the fused engine: passes over tokens of several sequences, each with its cache.
#pragma once

#include "head.h"
#include "kv-cache.h"
#include "step.h"

#include <memory>
#include <string>
#include <vector>

namespace magnet::fused {

// Of one engine, used by one thread at a time.
template <class T>
class decoding {
public:
    decoding(const weights<T> & base, const output_head<T> & head, const adapters<T> & lora, const kernel_set & set,
             thread_pool & pool)
        : base(base), head(head), lora(lora), set(set), kernels(table_of<T>(set)), pool(pool),
          blocks(base, lora, kernels) {}

    std::unique_ptr<kv_cache> make_cache(bool eight_bits) const {
        return std::make_unique<sequence_cache<T>>(base.hp, eight_bits);
    }

    // engine::extend. stored: for tokens that come one by one; NULL = all go through the wider weights.
    void extend(const std::vector<cached_row> & rows, const stored_weights * stored);

    int64_t bytes() const { return blocks.bytes(); }

private:
    struct pass; // decoding.cpp

    bool has_stored_head(const pass & p) const;
    void reserve(const pass & p);
    void step(const pass & p);
    void forward(const pass & p);
    void score(const member & me, const std::vector<int32_t> & tokens, const std::vector<float *> & logits);

    const weights<T> &      base;
    const output_head<T> &  head;
    const adapters<T> &     lora;
    const kernel_set &      set;
    const kernel_table<T> & kernels;
    thread_pool &           pool;

    block_runner<T>                 blocks; // of many tokens
    std::unique_ptr<step_runner<T>> steps;  // of one token a sequence
    buffer<float>                   hidden;  // [outputs, D]
    matrix_buffer<T>                rounded; // the same for the wider weights
    buffer<float>                   scores;  // [outputs, V]
};

extern template class decoding<bf16>;
extern template class decoding<float>;

} // namespace magnet::fused
