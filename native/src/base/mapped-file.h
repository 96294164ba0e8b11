// A file in memory as the system maps it: pages come when they are read, and are shared with everyone who maps it.
#pragma once

#include <cstdint>
#include <string>

namespace magnet {

class mapped_file {
public:
    // Throws magnet::error (IO).
    explicit mapped_file(const std::string & path);
    ~mapped_file();
    mapped_file(const mapped_file &)             = delete;
    mapped_file & operator=(const mapped_file &) = delete;

    const uint8_t * data() const { return data_; }
    int64_t         size() const { return size_; }

private:
    uint8_t * data_ = nullptr;
    int64_t   size_ = 0;
};

} // namespace magnet
