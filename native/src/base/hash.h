// FNV-1a, 64 bits: tells texts and files apart, and guards nothing against a forger.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace magnet {

class fnv1a {
public:
    void add(uint32_t unit) { hash_ = (hash_ ^ unit) * 0x100000001b3u; }
    void add(const std::string & bytes) {
        for (const unsigned char c : bytes) {
            add(uint32_t(c));
        }
    }
    void add(const std::vector<int32_t> & tokens) {
        for (const int32_t t : tokens) {
            add(uint32_t(t));
        }
    }
    uint64_t value() const { return hash_; }

private:
    uint64_t hash_ = 0xcbf29ce484222325u;
};

} // namespace magnet
