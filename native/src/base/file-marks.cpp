#include "file-marks.h"

#include <cerrno>

#ifdef _WIN32
#    include "path.h"

#    include <windows.h>
#else
#    include <sys/stat.h>
#endif

namespace magnet {

#ifdef _WIN32

bool look_at_file(const std::string & path, file_marks & out) {
    const HANDLE file = CreateFileW(to_path(path).c_str(), 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                    OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr);
    BY_HANDLE_FILE_INFORMATION about = {};
    const bool                 found = file != INVALID_HANDLE_VALUE && GetFileInformationByHandle(file, &about);
    if (file != INVALID_HANDLE_VALUE) {
        CloseHandle(file);
    }
    if (!found) {
        errno = ENOENT;
        return false;
    }
    const auto both = [](DWORD high, DWORD low) { return uint64_t(high) << 32 | low; };
    const auto time = both(about.ftLastWriteTime.dwHighDateTime, about.ftLastWriteTime.dwLowDateTime); // of 100 ns
    out = { about.dwVolumeSerialNumber, both(about.nFileIndexHigh, about.nFileIndexLow),
            int64_t(both(about.nFileSizeHigh, about.nFileSizeLow)), int64_t(time / 10000000), int64_t(time % 10000000 * 100) };
    return true;
}

#else

bool look_at_file(const std::string & path, file_marks & out) {
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
    return true;
}

#endif

} // namespace magnet
