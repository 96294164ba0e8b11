#include "file-identity.h"

#include "error.h"
#include "file-stamp.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace magnet {

bool file_identity::marks::operator==(const marks & m) const {
    return device == m.device && inode == m.inode && size == m.size && seconds == m.seconds && nanoseconds == m.nanoseconds;
}

bool file_identity::look(const std::string & path, marks & out) {
#ifdef _WIN32
    struct _stat64 s;
    if (_stat64(path.c_str(), &s) != 0) {
        return false;
    }
    out = { uint64_t(s.st_dev), 0, int64_t(s.st_size), int64_t(s.st_mtime), 0 };
#else
    struct stat s;
    if (stat(path.c_str(), &s) != 0) {
        return false;
    }
#    ifdef __APPLE__
    const timespec changed = s.st_mtimespec;
#    else
    const timespec changed = s.st_mtim;
#    endif
    out = { uint64_t(s.st_dev), uint64_t(s.st_ino), int64_t(s.st_size), int64_t(changed.tv_sec), int64_t(changed.tv_nsec) };
#endif
    return true;
}

file_identity::file_identity(const std::string & path) : path_(path) {
    if (!look(path, marks_)) {
        throw error(MAGNET_STATUS_IO, "cannot open " + path + ": " + std::strerror(errno) + ".");
    }
}

std::string file_identity::digest() const {
    check_unchanged();
    return file_stamp(path_);
}

void file_identity::check_unchanged() const {
    marks now = {};
    if (!look(path_, now)) {
        throw error(MAGNET_STATUS_IO, path_ + " was loaded and is needed again, but cannot be opened any more: " +
                                          std::strerror(errno) + ". Put it back, or load another one.");
    }
    if (!(now == marks_)) {
        throw error(MAGNET_STATUS_IO, path_ + " was replaced or written to since it was loaded. Load it again.");
    }
}

} // namespace magnet
