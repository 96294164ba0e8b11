#pragma once

#include <nlohmann/json.hpp>

#include <set>
#include <string>

namespace magnet::schema {

// Of a subset's definitions ("$defs", written by subset_of): those that a text ends in, however often they are gone through.
// {"properties": {"next": {"$ref": "#"}}, "required": ["next"]} has no value that is finite.
std::set<std::string> finite_definitions(const nlohmann::ordered_json & definitions);

} // namespace magnet::schema
