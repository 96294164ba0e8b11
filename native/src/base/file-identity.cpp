#include "file-identity.h"

#include "error.h"
#include "file-marks.h"
#include "file-stamp.h"

#include <cerrno>
#include <cstring>

namespace magnet {

bool file_identity::marks::operator==(const marks & m) const {
    return device == m.device && inode == m.inode && size == m.size && seconds == m.seconds && nanoseconds == m.nanoseconds;
}

bool file_identity::look(const std::string & path, marks & out) {
    file_marks found;
    if (!look_at_file(path, found)) {
        return false;
    }
    std::tie(out.device, out.inode, out.size, out.seconds, out.nanoseconds) = found;
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
