// Which dropout mask a token of an adapted matrix has: the same in every engine, at any number of threads.
#pragma once

#include <cstdint>

namespace magnet {

// Key of the mask: the finaliser of splitmix64 over everything that names it. matrix counts the model's adaptable
// matrices in the order of engine::targets(), row the rows of a call, token the tokens of a row.
inline uint32_t dropout_key(uint64_t seed, int32_t row, int32_t token, int32_t matrix) {
    const auto mix = [](uint64_t z) {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    };
    uint64_t z = mix(seed + 0x9e3779b97f4a7c15u);
    z          = mix(z ^ (uint64_t(row) << 32 | uint32_t(token)));
    return uint32_t(mix(z ^ uint64_t(matrix)));
}

inline uint32_t dropout_threshold(float p) { return uint32_t(double(p) * 4294967296.0); }

inline float dropout_scale(float p) { return 1.0f / (1.0f - p); }

} // namespace magnet
