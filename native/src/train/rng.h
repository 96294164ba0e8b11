// Random numbers of the trainer: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), one short stream per thing drawn.
//
// Everything random in training is a pure function of (seed, purpose, index), so a resumed run draws what the
// interrupted one would have drawn without saving a generator. The distributions of <random> are not used: standard
// libraries differ in them, and a seed must mean the same everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace magnet::train {

// What a stream is for. Values enter the seed: never renumber.
enum class draw : uint64_t {
    lora_init  = 1,
    text_order = 2,
    pair_order = 3,
    text_row   = 4,
    pair_row   = 5,
    heldout    = 6,
    dropout    = 7,
    projection = 8,
    crop_order = 9,
};

class rng {
public:
    rng(uint64_t seed, draw purpose, uint64_t index = 0) { state = mix(mix(mix(seed) ^ uint64_t(purpose)) ^ index); }

    uint64_t next() {
        state += 0x9e3779b97f4a7c15u;
        return mix(state);
    }

    // Uniform in [0, 1), 53 bits.
    double uniform() { return double(next() >> 11) * 0x1.0p-53; }

    bool chance(double p) { return uniform() < p; }

    // Uniform in [0, n), n >= 1, without modulo bias: draws of the incomplete last stretch are repeated.
    uint64_t below(uint64_t n) {
        const uint64_t reject = (0 - n) % n; // 2^64 mod n
        uint64_t       x      = next();
        while (x < reject) {
            x = next();
        }
        return x % n;
    }

    // Uniform in [lo, hi].
    int32_t between(int32_t lo, int32_t hi) { return lo + int32_t(below(uint64_t(hi - lo) + 1)); }

    template <typename T>
    void shuffle(std::vector<T> & items) {
        for (size_t i = items.size(); i > 1; --i) {
            std::swap(items[i - 1], items[below(i)]);
        }
    }

private:
    static uint64_t mix(uint64_t z) {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }

    uint64_t state;
};

} // namespace magnet::train
