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

std::filesystem::path target_of(const std::string & path) {
    namespace fs = std::filesystem;
    std::error_code failed;
    fs::path        target = to_path(path);
    for (int links = 0; links < 40 && fs::is_symlink(fs::symlink_status(target, failed)); ++links) {
        const fs::path to = fs::read_symlink(target, failed);
        target            = to.is_absolute() ? to : target.parent_path() / to;
    }
    const fs::path absolute  = fs::absolute(target, failed);
    const fs::path canonical = fs::weakly_canonical(absolute, failed);
    return failed ? absolute : canonical;
}

bool same_file(const std::string & a, const std::string & b) {
    std::error_code failed;
    return std::filesystem::equivalent(to_path(a), to_path(b), failed) || target_of(a) == target_of(b);
}

std::string unfinished_name(const std::string & path) {
    const auto is_taken = [](const std::string & name) { // by a link to nothing, too
        std::error_code ignored;
        return std::filesystem::exists(std::filesystem::symlink_status(to_path(name), ignored));
    };
    const std::string place = to_utf8(target_of(path));
    std::string       name  = place + ".tmp";
    for (int i = 2; is_taken(name); ++i) {
        name = place + ".tmp" + std::to_string(i);
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
    std::FILE * const file = _wfopen(to_path(path).c_str(), std::filesystem::path(mode).c_str());
    std::error_code   ignored;
    if (!file && errno == EACCES && std::filesystem::is_directory(to_path(path), ignored)) {
        errno = EISDIR; // what other systems say
    }
    return file;
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
