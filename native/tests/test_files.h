// A folder of a test's own, removed at its end.
#pragma once

#include "base/error.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace magnet::testing {

class test_folder {
public:
    test_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "magnet-test-XXXXXX").string();
        path             = mkdtemp(name.data());
    }
    ~test_folder() { std::filesystem::remove_all(path); }

    std::string operator/(const std::string & name) const { return (path / name).string(); }

    // Writes a file and returns its path.
    std::string write(const std::string & name, const std::string & text) const {
        std::ofstream(path / name, std::ios::binary) << text;
        return *this / name;
    }

private:
    std::filesystem::path path;
};

inline std::string content_of(const std::string & path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
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
