// AMX tiles in plain C++ (Intel SDM volume 2, TDPBF16PS): lets any machine run the blocking of isa/amx.h. Checks what the
// hardware would fault on: tiles used outside of a scope.
#pragma once

#include "engine/fused/bf16.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace magnet::fused {
namespace {

struct tiles {
    struct tile {
        unsigned char bytes[16][64];
    };
    static tile & at(int t) {
        static thread_local tile all[8];
        if (depth() == 0) {
            std::abort();
        }
        return all[t];
    }
    static int & depth() {
        static thread_local int n = 0;
        return n;
    }

    class scope {
    public:
        scope() { ++depth(); }
        ~scope() { --depth(); }
    };

    template <int T>
    static void zero() {
        std::memset(&at(T), 0, sizeof(tile));
    }
    template <int T>
    static void load(const void * p, int64_t stride) {
        for (int r = 0; r < 16; ++r) {
            std::memcpy(at(T).bytes[r], static_cast<const char *>(p) + r * stride, 64);
        }
    }
    template <int T>
    static void store(void * p, int64_t stride) {
        for (int r = 0; r < 16; ++r) {
            std::memcpy(static_cast<char *>(p) + r * stride, at(T).bytes[r], 64);
        }
    }
    template <int C, int A, int B>
    static void multiply() {
        float c[16][16];
        bf16  a[16][32];
        bf16  b[16][32]; // row k holds elements 2k and 2k + 1 of every column
        std::memcpy(c, &at(C), sizeof c);
        std::memcpy(a, &at(A), sizeof a);
        std::memcpy(b, &at(B), sizeof b);
        for (int m = 0; m < 16; ++m) {
            for (int k = 0; k < 16; ++k) {
                for (int n = 0; n < 16; ++n) {
                    c[m][n] += to_float(a[m][2 * k]) * to_float(b[k][2 * n]);
                    c[m][n] += to_float(a[m][2 * k + 1]) * to_float(b[k][2 * n + 1]);
                }
            }
        }
        std::memcpy(&at(C), c, sizeof c);
    }
};

} // namespace
} // namespace magnet::fused
