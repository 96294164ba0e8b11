// Tells a file from all others by its bytes.
#pragma once

#include <string>

namespace magnet {

// 16 hexadecimal digits of a 64-bit hash of all of its bytes: a file that differs in any has another one, but for chance.
// Reads the file, some gigabytes a second where it lies in memory, and remembers the answer until its size, time or inode
// change. Throws IO. Any thread.
std::string file_stamp(const std::string & path);

} // namespace magnet
