// A folder of a test's own, removed at its end.
#pragma once

#include "base/error.h"

#include "base/path.h"

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>

namespace magnet::testing {

class test_folder {
public:
    test_folder() {
        std::random_device random;
        do { // again if another test took the name
            path = std::filesystem::temp_directory_path() / ("magnet-test-" + std::to_string(random()));
        } while (!std::filesystem::create_directory(path));
    }
    ~test_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    test_folder(const test_folder &)             = delete;
    test_folder & operator=(const test_folder &) = delete;

    std::string operator/(const std::string & name) const { return to_utf8(path / to_path(name)); }

    // Writes a file and returns its path.
    std::string write(const std::string & name, const std::string & text) const {
        std::ofstream(path / to_path(name), std::ios::binary) << text;
        return *this / name;
    }

private:
    std::filesystem::path path;
};

inline std::string content_of(const std::string & path) {
    std::ostringstream text;
    text << std::ifstream(to_path(path), std::ios::binary).rdbuf();
    return text.str();
}

// Message of the magnet::error that f throws; "" if it throws none.
template <typename F>
std::string error_of(const F & f) {
    try {
        f();
    } catch (const error & e) {
        return e.what();
    }
    return "";
}

} // namespace magnet::testing
