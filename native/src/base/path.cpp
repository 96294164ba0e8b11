#include "path.h"

#include <cerrno>
#include <cstdio>
#include <system_error>

#ifdef _WIN32
#    include <windows.h>

#    include <io.h>
#else
#    include <unistd.h>
#endif

namespace magnet {

std::string unfinished_name(const std::string & path) {
    const auto is_taken = [](const std::string & name) { // by a link to nothing, too
        std::error_code ignored;
        return std::filesystem::exists(std::filesystem::symlink_status(to_path(name), ignored));
    };
    std::string name = path + ".tmp";
    for (int i = 2; is_taken(name); ++i) {
        name = path + ".tmp" + std::to_string(i);
    }
    return name;
}

#ifdef _WIN32

std::filesystem::path to_path(const std::string & utf8) {
    return std::filesystem::u8path(utf8);
}

std::string to_utf8(const std::filesystem::path & path) {
    return path.u8string();
}

std::FILE * open_file(const std::string & path, const char * mode) {
    return _wfopen(to_path(path).c_str(), std::filesystem::path(mode).c_str());
}

bool remove_file(const std::string & path) {
    return _wremove(to_path(path).c_str()) == 0;
}

bool replace_file(const std::string & from, const std::string & to) {
    if (MoveFileExW(to_path(from).c_str(), to_path(to).c_str(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) {
        return true;
    }
    const DWORD why = GetLastError();
    errno           = why == ERROR_FILE_NOT_FOUND || why == ERROR_PATH_NOT_FOUND ? ENOENT : EACCES; // a reader has it open
    return false;
}

bool sync_file(std::FILE * file) {
    return _commit(_fileno(file)) == 0;
}

#else

std::filesystem::path to_path(const std::string & utf8) {
    return utf8;
}

std::string to_utf8(const std::filesystem::path & path) {
    return path.string();
}

std::FILE * open_file(const std::string & path, const char * mode) {
    return std::fopen(path.c_str(), mode);
}

bool remove_file(const std::string & path) {
    return std::remove(path.c_str()) == 0;
}

bool replace_file(const std::string & from, const std::string & to) {
    return std::rename(from.c_str(), to.c_str()) == 0;
}

bool sync_file(std::FILE * file) {
    return fsync(fileno(file)) == 0;
}

#endif

} // namespace magnet
