#include "mapped-file.h"

#include "error.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace magnet {

mapped_file::mapped_file(const std::string & path) {
    const auto fail = [&path](const char * what) {
        throw error(MAGNET_STATUS_IO, std::string("cannot ") + what + " " + path + ": " + std::strerror(errno) + ".");
    };
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        fail("open");
    }
    struct stat about = {};
    void *      pages = MAP_FAILED;
    if (fstat(file, &about) == 0) {
        size_ = about.st_size;
        pages = mmap(nullptr, size_t(size_), PROT_READ, MAP_SHARED, file, 0);
    }
    const int why = errno;
    close(file);
    if (pages == MAP_FAILED) {
        errno = why;
        fail("map");
    }
    data_ = static_cast<uint8_t *>(pages);
}

mapped_file::~mapped_file() {
    munmap(data_, size_t(size_));
}

} // namespace magnet
