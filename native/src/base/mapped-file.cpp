#include "mapped-file.h"

#include "error.h"

#include <cerrno>
#include <cstring>

#ifdef _WIN32
#    include "path.h"

#    include <windows.h>
#else
#    include <fcntl.h>
#    include <sys/mman.h>
#    include <sys/stat.h>
#    include <unistd.h>
#endif

namespace magnet {

#ifdef _WIN32

mapped_file::mapped_file(const std::string & path) {
    const HANDLE  file = CreateFileW(to_path(path).c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr, OPEN_EXISTING,
                                     FILE_ATTRIBUTE_NORMAL, nullptr);
    LARGE_INTEGER size = {};
    HANDLE        map  = nullptr;
    if (file != INVALID_HANDLE_VALUE) {
        if (GetFileSizeEx(file, &size)) {
            map = CreateFileMappingW(file, nullptr, PAGE_READONLY, 0, 0, nullptr);
        }
        CloseHandle(file); // the mapping holds it
    }
    void * pages = map != nullptr ? MapViewOfFile(map, FILE_MAP_READ, 0, 0, 0) : nullptr;
    const DWORD why = GetLastError();
    if (map != nullptr) {
        CloseHandle(map);
    }
    if (pages == nullptr) {
        throw error(MAGNET_STATUS_IO, "cannot map " + path + ": error " + std::to_string(why) + " of Windows.");
    }
    data_ = static_cast<uint8_t *>(pages);
    size_ = size.QuadPart;
}

mapped_file::~mapped_file() {
    UnmapViewOfFile(data_);
}

#else

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

#endif

} // namespace magnet
