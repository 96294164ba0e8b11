// bfloat16: the upper half of an IEEE 754 single. Products read it, sums are kept in float.
#pragma once

#include <cstdint>
#include <cstring>

namespace magnet::fused {

struct bf16 {
    uint16_t bits;
};

// static: this header is compiled with several instruction sets, and no copy may stand in for another.
static inline float to_float(bf16 x) {
    const uint32_t u = uint32_t(x.bits) << 16;
    float          f;
    std::memcpy(&f, &u, sizeof f);
    return f;
}

static inline float to_float(float x) { return x; }

// Round to nearest, ties to even. What is no number stays none.
static inline void from_float(float f, bf16 & out) {
    uint32_t u;
    std::memcpy(&u, &f, sizeof u);
    out.bits = uint16_t(f == f ? (u + 0x7fff + ((u >> 16) & 1)) >> 16 : u >> 16 | 0x40);
}

static inline void from_float(float f, float & out) { out = f; }

} // namespace magnet::fused
