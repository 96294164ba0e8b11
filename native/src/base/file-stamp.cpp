#include "file-stamp.h"

#include "error.h"
#include "file-marks.h"
#include "path.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace magnet {

namespace {

// Four lanes of 8 bytes, each multiplied and turned as in xxHash, so that no byte waits for the one before it.
class hasher {
public:
    // size is a multiple of block but for the last call; what lacks there counts as zeros.
    void add(const unsigned char * data, size_t size) {
        for (size_t at = 0; at < size; at += block) {
            unsigned char words[block] = {};
            std::memcpy(words, data + at, std::min(block, size - at));
            for (size_t lane = 0; lane < lanes; ++lane) {
                uint64_t word;
                std::memcpy(&word, words + lane * sizeof(word), sizeof(word));
                state_[lane] = mix(state_[lane] + word * prime_2);
            }
        }
        size_ += size;
    }

    uint64_t finish() const {
        uint64_t all = size_;
        for (const uint64_t lane : state_) {
            all = mix(all ^ lane) * prime_1 + lane;
        }
        all = (all ^ all >> 33) * prime_2;
        return all ^ all >> 29;
    }

    static constexpr size_t lanes = 4;
    static constexpr size_t block = lanes * sizeof(uint64_t);

private:
    static constexpr uint64_t prime_1 = 0x9E3779B185EBCA87u;
    static constexpr uint64_t prime_2 = 0xC2B2AE3D27D4EB4Fu;

    static uint64_t mix(uint64_t x) { return (x << 31 | x >> 33) * prime_1; }

    uint64_t state_[lanes] = { prime_1, prime_2, ~prime_1, ~prime_2 };
    uint64_t size_         = 0;
};

std::string hash_of(const std::string & path) {
    const std::unique_ptr<FILE, int (*)(FILE *)> file(open_file(path, "rb"), std::fclose);
    if (!file) {
        throw error(MAGNET_STATUS_IO, "cannot open " + path + ": " + std::strerror(errno) + ".");
    }
    std::vector<unsigned char> bytes(size_t(1) << 20);
    hasher                     hash;
    while (const size_t n = std::fread(bytes.data(), 1, bytes.size(), file.get())) {
        hash.add(bytes.data(), n);
    }
    if (std::ferror(file.get())) {
        throw error(MAGNET_STATUS_IO, "cannot read " + path + ": " + std::strerror(errno) + ".");
    }
    char text[20];
    std::snprintf(text, sizeof(text), "%016llx", (unsigned long long) hash.finish());
    return text;
}

} // namespace

std::string file_stamp(const std::string & path) {
    static std::mutex                        mutex;
    static std::map<file_marks, std::string> known;

    file_marks file;
    if (!look_at_file(path, file)) {
        throw error(MAGNET_STATUS_IO, "cannot read " + path + ": " + std::strerror(errno) + ".");
    }
    if (!std::filesystem::is_regular_file(to_path(path))) { // a pipe is empty then, and a device may have no end
        throw error(MAGNET_STATUS_IO, path + " is a pipe or a device, which cannot be told from others; name a file.");
    }
    const std::lock_guard<std::mutex> lock(mutex);
    std::string &                     stamp = known[file];
    if (stamp.empty()) {
        stamp = hash_of(path);
    }
    return stamp;
}

} // namespace magnet
