// Can a value match two schemas?
#pragma once

#include <nlohmann/json.hpp>

namespace magnet::schema {

// true: none can, by their types, their values, or those of a property that both require. false: perhaps one can.
bool are_disjoint(const nlohmann::ordered_json & x, const nlohmann::ordered_json & y);

} // namespace magnet::schema
