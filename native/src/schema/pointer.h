// JSON pointers (RFC 6901), as $ref has them.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace magnet::schema {

// What the pointer names, percent signs decoded ("" = the whole). Throws INVALID_ARGUMENT, from = where it stands.
const nlohmann::ordered_json & resolve(const nlohmann::ordered_json & root, const std::string & pointer, const std::string & from);

// A key as a part of a pointer.
std::string escaped_pointer(const std::string & key);

} // namespace magnet::schema
