// Reads the golden files that native/tests/reference/*.py wrote; the README there says what each field is.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace magnet::testing {

// Folder of the golden files, ends with a slash.
inline std::string golden_dir() {
    const char * data = std::getenv("MAGNET_TEST_DATA");
    if (!data) {
        throw std::runtime_error("MAGNET_TEST_DATA is not set; run the tests with ctest");
    }
    return std::string(data) + "/golden/";
}

inline nlohmann::json read_golden(const std::string & name) {
    std::ifstream file(golden_dir() + name);
    if (!file) {
        throw std::runtime_error("cannot open " + golden_dir() + name);
    }
    return nlohmann::json::parse(file);
}

// {"shape": [...], "f32": base64 of little-endian floats} -> the floats, row-major.
inline std::vector<float> floats(const nlohmann::json & array) {
    static const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    std::string bytes;
    uint32_t    bits = 0, n_bits = 0;
    for (const char c : array.at("f32").get<std::string>()) {
        if (c == '=') {
            break;
        }
        bits = bits << 6 | (uint32_t) alphabet.find(c);
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            bytes.push_back((char) (bits >> n_bits & 0xFF));
        }
    }
    std::vector<float> out(bytes.size() / sizeof(float));
    memcpy(out.data(), bytes.data(), out.size() * sizeof(float));
    return out;
}

template <typename T>
std::vector<T> integers(const nlohmann::json & array) {
    return array.get<std::vector<T>>();
}

} // namespace magnet::testing
