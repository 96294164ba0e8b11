// The golden files of tests/golden (README there).
#pragma once

#include <nlohmann/json.hpp>

#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace magnet::testing {

using json = nlohmann::ordered_json;

inline std::string golden_path(const std::string & name) {
    return std::string(MAGNET_TEST_GOLDEN) + "/" + name;
}

inline json read_golden(const std::string & name) {
    std::ifstream file(golden_path(name));
    if (!file) {
        throw std::runtime_error("cannot open " + golden_path(name));
    }
    return json::parse(file);
}

// {"shape": ..., "f32": base64 of little-endian floats} -> values in C order
inline std::vector<float> floats(const json & array) {
    const auto & text   = array["f32"].get_ref<const std::string &>();
    const auto   digits = [](char c) {
        return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= '0' && c <= '9' ? c - '0' + 52 : c == '+' ? 62 : 63;
    };
    std::vector<uint8_t> bytes;
    uint32_t             bits = 0;
    int                  held = 0;
    for (const char c : text) {
        if (c == '=') {
            break;
        }
        bits = bits << 6 | uint32_t(digits(c));
        if ((held += 6) >= 8) {
            bytes.push_back(uint8_t(bits >> (held -= 8)));
        }
    }
    std::vector<float> values(bytes.size() / 4);
    std::memcpy(values.data(), bytes.data(), values.size() * 4);
    return values;
}

} // namespace magnet::testing
