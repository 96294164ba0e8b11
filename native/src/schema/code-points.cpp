#include "code-points.h"

#include <algorithm>
#include <cstdio>

namespace magnet::schema {

namespace {

constexpr uint32_t last_code_point = 0x10FFFF;

ranges ordered(ranges all) {
    std::sort(all.begin(), all.end());
    ranges out;
    for (const auto & [low, high] : all) {
        if (!out.empty() && low <= out.back().second + 1) {
            out.back().second = std::max(out.back().second, high);
        } else {
            out.emplace_back(low, high);
        }
    }
    return out;
}

std::string escaped(uint32_t c) {
    char text[16];
    snprintf(text, sizeof(text), c <= 0xFF ? "\\x%02X" : c <= 0xFFFF ? "\\u%04X" : "\\U%08X", c);
    return text;
}

} // namespace

ranges complement(const ranges & all) {
    ranges   out;
    uint32_t next = 0;
    for (const auto & [low, high] : ordered(all)) {
        if (low > next) {
            out.emplace_back(next, low - 1);
        }
        next = high + 1;
    }
    if (next <= last_code_point) {
        out.emplace_back(next, last_code_point);
    }
    return out;
}

ranges joined(ranges a, const ranges & b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

std::string class_of(const ranges & all) {
    std::string out = "[";
    for (const auto & [low, high] : all) {
        out += escaped(low);
        if (high > low) {
            out += "-" + escaped(high);
        }
    }
    return out + "]";
}

} // namespace magnet::schema
