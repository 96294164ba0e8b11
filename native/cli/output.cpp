#include "output.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "../src/base/path.h"
#include "error.h"
#include "files.h"
#include "interrupt.h"
#include "system.h"
#include "terminal.h"

namespace magnet_cli {

namespace fs = std::filesystem;

output::output(const std::string & path) {
    if (path.empty() || path == "-") {
        name = "standard output";
        file = stdout;
        return;
    }
    name = path;
    check_outputs({path});
    std::error_code       error;
    const fs::path        target = magnet::target_of(path); // a link stays a link: what it leads to is replaced
    const fs::file_status status = fs::status(magnet::to_path(path), error); // of /dev/stdout, a pipe: its link names no file
    if (fs::is_directory(status)) {
        throw failure(path + ": is a directory; name a file to write");
    }
    if (fs::exists(status) && !fs::is_regular_file(status)) {
        file = magnet::open_file(path, "wb");
        if (file == nullptr) {
            fail("cannot write");
        }
        return;
    }
    place        = magnet::to_utf8(target);
    temporary    = place + ".XXXXXX";
    const int fd = create_unfinished_file(temporary);
    if (fd < 0) {
        temporary.clear();
        fail("cannot create");
    }
    file = open_temporary(fd, status);
    if (file == nullptr) {
        const int reason = errno;
        close_descriptor(fd);
        magnet::remove_file(temporary);
        errno = reason;
        fail("cannot create");
    }
}

output::~output() {
    if (file != nullptr && file != stdout) {
        std::fclose(file);
    }
    if (!temporary.empty()) {
        magnet::remove_file(temporary);
        set_unfinished_file("");
    }
}

void output::fail(const char * what) const {
    const int reason = errno;
    if (reason == EPIPE && file == stdout) {
        throw reader_gone();
    }
    std::error_code error;
    const char *    left = place.empty()              ? ""
                           : fs::exists(magnet::to_path(place), error) ? "; the file that was there is kept"
                                                      : "; no half-written file is left";
    throw failure(name + ": " + what + ": " + std::strerror(reason) + left);
}

void output::write(std::string_view bytes) {
    if (std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size()) {
        fail("cannot write");
    }
    n_bytes += bytes.size();
}

void sink::line(std::string_view text) {
    write(text);
    write("\n");
}

void sink::json_line(const json & value) {
    line(to_text(value));
}

void output::flush() {
    if (std::fflush(file) != 0) {
        fail("cannot write");
    }
}

void output::close() {
    flush();
    if (file == stdout) {
        return;
    }
    if (!place.empty() && !magnet::sync_file(file)) { // a full or broken disk may say so only now
        fail("cannot write");
    }
    const int status = std::fclose(file);
    file             = nullptr;
    if (status != 0) {
        fail("cannot write");
    }
    if (!temporary.empty()) {
        if (!magnet::replace_file(temporary, place)) {
            fail("cannot rename the finished file");
        }
        temporary.clear();
        set_unfinished_file("");
    }
}

bool output::is_terminal() const {
    return file != nullptr && magnet_cli::is_terminal(fileno(file));
}

json to_json(float value) {
    if (!std::isfinite(value)) {
        return nullptr;
    }
    char       buffer[32];
    const auto end    = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    double     result = 0;
    std::from_chars(buffer, end, result);
    return result;
}

std::string to_text(const json & value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

void append_decimals(std::string & out, const float * values, int64_t n, std::string_view separator, bool in_json) {
    char buffer[32];
    for (int64_t i = 0; i < n; ++i) {
        if (i > 0) {
            out += separator;
        }
        if (in_json && !std::isfinite(values[i])) {
            out += "null";
        } else {
            out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, values[i]).ptr);
        }
    }
}

std::string npy_header(const std::string & type, int64_t rows, int64_t columns) {
    const std::string shape = "(" + std::to_string(rows) + ", " + std::to_string(columns) + ")";
    std::string       dict  = "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
    const size_t      front = 10; // magic, version, length of the dictionary
    dict.append(64 - (front + dict.size() + 1) % 64, ' ');
    dict += '\n';
    std::string header("\x93NUMPY\x01\x00", 8);
    header += static_cast<char>(dict.size() & 0xFF);
    header += static_cast<char>(dict.size() >> 8);
    return header + dict;
}

} // namespace magnet_cli
