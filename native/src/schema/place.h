// A schema inside a schema.
#pragma once

#include <nlohmann/json.hpp>

#include <set>
#include <string>

namespace magnet::schema {

struct place {
    const nlohmann::ordered_json * at;
    std::string                    path; // JSON pointer, for messages
};

// The keywords that restrict values of these types (type_bits). Throws INVALID_ARGUMENT where one cannot be kept.
std::set<std::string> restrictions(const place & p, uint32_t types);

} // namespace magnet::schema
