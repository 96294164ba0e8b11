// Aligned, zeroed memory for numbers.
#pragma once

#include "base/aligned-memory.h"
#include "base/error.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#if defined(__linux__)
#    include <sys/mman.h>
#endif

namespace magnet::fused {

template <class T>
class buffer {
public:
    buffer() = default;

    // n zeros. Throws magnet::error (OUT_OF_MEMORY).
    explicit buffer(int64_t n) : count(n) {
        constexpr size_t huge  = size_t(2) << 20;
        const size_t     bytes = size_t(n) * sizeof(T);
        const size_t     align = bytes >= 2 * huge ? huge : 64;
        const size_t     total = (bytes + align - 1) / align * align;
        memory.reset(static_cast<T *>(allocate_aligned(align, total > 0 ? total : align)));
        if (memory == nullptr) {
            throw error(MAGNET_STATUS_OUT_OF_MEMORY, "no memory for " + std::to_string(total >> 20) +
                                                         " MiB; use fewer or shorter rows, or recomputation");
        }
#if defined(__linux__)
        if (align == huge) {
            madvise(memory.get(), total, MADV_HUGEPAGE); // fewer TLB misses; a refusal does no harm
        }
#endif
        std::memset(static_cast<void *>(memory.get()), 0, total);
    }

    // At least n elements; what was there is lost if it must grow.
    void reserve(int64_t n) {
        if (n > count) {
            *this = buffer(); // free first
            *this = buffer(n);
        }
    }

    T *       data() { return memory.get(); }
    const T * data() const { return memory.get(); }
    int64_t   size() const { return count; }
    int64_t   bytes() const { return count * int64_t(sizeof(T)); }
    T &       operator[](int64_t i) { return memory.get()[i]; }
    const T & operator[](int64_t i) const { return memory.get()[i]; }

private:
    struct release {
        void operator()(T * p) const { free_aligned(p); }
    };
    std::unique_ptr<T, release> memory;
    int64_t                     count = 0;
};

} // namespace magnet::fused
