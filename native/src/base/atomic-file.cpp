#include "atomic-file.h"

#include "error.h"
#include "path.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#ifndef _WIN32
#include <fcntl.h>
#include <unistd.h>
#endif

namespace magnet {

// Makes the rename itself durable. Some file systems refuse to sync a folder: then there is nothing to do about it.
static void sync_folder_of(const std::string & path) {
#ifndef _WIN32
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    const int                   fd = open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
#else
    (void)path;
#endif
}

atomic_file::atomic_file(const std::string & path) : path(path), target(to_utf8(target_of(path))) {
    if (path.empty()) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "the name of the file to write is empty.");
    }
    std::error_code ignored;
    const auto      there = std::filesystem::status(to_path(path), ignored);
    if (std::filesystem::exists(there) && !std::filesystem::is_regular_file(there)) {
        // a folder cannot be replaced, and a device like /dev/null must not be
        throw error(MAGNET_STATUS_IO, "cannot write " + path + (std::filesystem::is_directory(there)
                                                                    ? ": it is a folder; name a file in it."
                                                                    : ": it is not a file."));
    }
    do { // again if another process took the name
        temporary = unfinished_name(path);
        file      = open_file(temporary, "wbx");
    } while (!file && errno == EEXIST);
    if (!file) {
        fail("open");
    }
}

atomic_file::~atomic_file() {
    if (file) {
        std::fclose(file);
        remove_file(temporary);
    }
}

void atomic_file::write(const void * data, size_t size) {
    if (size > 0 && std::fwrite(data, 1, size, file) != size) {
        fail("write");
    }
}

void atomic_file::commit() {
    if (std::fflush(file) != 0 || !sync_file(file)) {
        fail("write");
    }
    FILE * closing = file;
    file           = nullptr;
    if (std::fclose(closing) == 0 && replace_file(temporary, target)) {
        sync_folder_of(target);
        return;
    }
    const int reason = errno;
    remove_file(temporary);
    errno = reason;
    fail("replace");
}

void atomic_file::fail(const char * what) const {
    const std::string reason = std::strerror(errno);
    throw error(MAGNET_STATUS_IO, std::string("cannot ") + what + " " + path + ": " + reason);
}

bool file_exists(const std::string & path) {
    std::error_code ignored;
    return std::filesystem::exists(to_path(path), ignored);
}

std::string read_file(const std::string & path) {
    const std::unique_ptr<FILE, int (*)(FILE *)> file(open_file(path, "rb"), std::fclose);
    if (!file) {
        throw error(MAGNET_STATUS_IO, "cannot open " + path + ": " + std::strerror(errno));
    }
    std::string text;
    char        block[1 << 16];
    while (const size_t n = std::fread(block, 1, sizeof(block), file.get())) {
        text.append(block, n);
        if (text.size() > most_bytes_read) { // a text has no more, and a device may have no end
            throw error(MAGNET_STATUS_BAD_FILE, path + " has more than 2 GiB, the most that is read; split it.");
        }
    }
    if (std::ferror(file.get())) {
        throw error(MAGNET_STATUS_IO, "cannot read " + path + ": " + std::strerror(errno));
    }
    return text;
}

} // namespace magnet
