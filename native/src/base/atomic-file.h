// A file that appears whole or not at all: written beside its name, synced, then renamed over it.
//
// A crash, a kill or a full disk at any moment leaves the former file as it was.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>

namespace magnet {

class atomic_file {
public:
    // Opens a new file beside path, unfinished_name(path), for writing. A link stays one: what it leads to is replaced.
    // Throws IO.
    explicit atomic_file(const std::string & path);
    ~atomic_file(); // without commit() the temporary file is removed

    atomic_file(const atomic_file &)             = delete;
    atomic_file & operator=(const atomic_file &) = delete;

    void write(const void * data, size_t size); // throws IO: disk full, quota
    void commit();                              // flush, sync, rename, sync the folder; throws IO

private:
    [[noreturn]] void fail(const char * what) const;

    std::string path, target, temporary; // target: where links lead
    FILE *      file = nullptr;
};

// True if something is at path already.
bool file_exists(const std::string & path);

inline constexpr size_t most_bytes_read = INT32_MAX;

// The whole content of a text file. Throws IO, and BAD_FILE where it has more bytes than that.
std::string read_file(const std::string & path);

} // namespace magnet
