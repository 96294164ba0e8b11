// What tells a file from others without reading it.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>

namespace magnet {

// volume, number of the file there, size, and time of the last change in seconds and nanoseconds
using file_marks = std::tuple<uint64_t, uint64_t, int64_t, int64_t, int64_t>;

// False and errno if nothing can be found at path.
bool look_at_file(const std::string & path, file_marks & out);

} // namespace magnet
