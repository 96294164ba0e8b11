// FNV-1a, 64 bits: tells texts and files apart, and guards nothing against a forger.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace magnet {

class fnv1a {
public:
    void add(uint32_t unit) { hash_ = (hash_ ^ unit) * 0x100000001b3u; }
    void add(const void * bytes, size_t size) {
        for (size_t i = 0; i < size; ++i) {
            add(uint32_t(static_cast<const unsigned char *>(bytes)[i]));
        }
    }
    void add(const std::string & bytes) { add(bytes.data(), bytes.size()); }
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
