// The AMX instructions, as inline assembly: GCC 12's intrinsics tell the compiler that ldtilecfg reads 8 of its 64 bytes
// and that tile loads and stores touch no memory, so that it removes or moves the stores around them.
#pragma once

#include <cstdint>

namespace magnet::fused {
namespace {

struct tiles {
    struct alignas(64) config {
        uint8_t  palette;
        uint8_t  start_row;
        uint8_t  reserved[14];
        uint16_t row_bytes[16];
        uint8_t  rows[16];
    };

    // Configures this thread's tiles and puts back what it found: other users of AMX on the same thread configure once
    // and never look again.
    class scope {
    public:
        scope() {
            config ours = {};
            ours.palette = 1;
            for (int t = 0; t < 8; ++t) {
                ours.row_bytes[t] = 64;
                ours.rows[t]      = 16;
            }
            asm volatile("sttilecfg %0" : "=m"(before));
            asm volatile("ldtilecfg %0" ::"m"(ours));
        }
        ~scope() {
            if (before.palette == 0) {
                asm volatile("tilerelease");
            } else {
                asm volatile("ldtilecfg %0" ::"m"(before));
            }
        }
        scope(const scope &)             = delete;
        scope & operator=(const scope &) = delete;

    private:
        config before;
    };

    template <int T>
    __attribute__((always_inline)) static inline void zero() {
        asm volatile("tilezero %%tmm%c0" ::"i"(T));
    }
    template <int T>
    __attribute__((always_inline)) static inline void load(const void * p, int64_t stride) {
        asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(p), "r"(stride), "i"(T) : "memory");
    }
    template <int T>
    __attribute__((always_inline)) static inline void store(void * p, int64_t stride) {
        asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(p), "r"(stride), "i"(T) : "memory");
    }
    // C += A B, tiles of float += pairs of bf16
    template <int C, int A, int B>
    __attribute__((always_inline)) static inline void multiply() {
        asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(C), "i"(A), "i"(B));
    }
};

} // namespace
} // namespace magnet::fused
