// Sets of characters, and as classes of a grammar.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace magnet::schema {

using ranges = std::vector<std::pair<uint32_t, uint32_t>>; // of code points, both ends in it

ranges      complement(const ranges & all);
ranges      joined(ranges a, const ranges & b);
std::string class_of(const ranges & all); // "[\x61-\x7A]"

} // namespace magnet::schema
