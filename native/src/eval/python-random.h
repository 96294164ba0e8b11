// Python's random.Random, as far as the protocols draw from it: gaps then lie where a few lines of Python say they lie.
#pragma once

#include <cstdint>
#include <random>

namespace magnet::eval {

class python_random {
public:
    // random.Random(seed)
    explicit python_random(uint32_t seed) {
        key k = {seed};
        engine_.seed(k);
    }

    // randint(lo, hi): uniform in [lo, hi], lo <= hi
    int32_t randint(int32_t lo, int32_t hi) {
        const uint32_t n    = (uint32_t)(hi - lo) + 1;
        int            bits = 0;
        while (bits < 32 && (n >> bits) != 0) {
            ++bits;
        }
        uint32_t r = n;
        while (r >= n) {
            r = engine_() >> (32 - bits);
        }
        return lo + (int32_t)r;
    }

private:
    // The state that Matsumoto and Nishimura's init_by_array makes of one word (mt19937ar, 2002).
    struct key {
        using result_type = uint32_t;
        uint32_t seed;

        template <typename It>
        void generate(It begin, It end) const {
            const uint32_t n = (uint32_t)(end - begin); // 624
            begin[0]         = 19650218u;
            for (uint32_t i = 1; i < n; ++i) {
                begin[i] = 1812433253u * ((uint32_t)begin[i - 1] ^ ((uint32_t)begin[i - 1] >> 30)) + i;
            }
            uint32_t   i    = 1;
            const auto step = [&](uint32_t factor) {
                const uint32_t last = (uint32_t)begin[i - 1];
                return (uint32_t)begin[i] ^ ((last ^ (last >> 30)) * factor);
            };
            const auto next = [&] {
                if (++i == n) {
                    begin[0] = begin[n - 1];
                    i        = 1;
                }
            };
            for (uint32_t k = 0; k < n; ++k, next()) {
                begin[i] = step(1664525u) + seed;
            }
            for (uint32_t k = 1; k < n; ++k, next()) {
                begin[i] = step(1566083941u) - i;
            }
            begin[0] = 0x80000000u;
        }
    };

    std::mt19937 engine_;
};

} // namespace magnet::eval
