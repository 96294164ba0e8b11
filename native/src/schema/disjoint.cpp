#include "disjoint.h"

#include "keywords.h"

#include <algorithm>
#include <set>

namespace magnet::schema {

using json = nlohmann::ordered_json;

namespace {

std::set<json> allowed_values(const json & s) {
    std::set<json> out;
    if (s.is_object() && s.contains("const")) {
        out.insert(s["const"]);
    } else if (s.is_object() && s.contains("enum") && s["enum"].is_array()) {
        out.insert(s["enum"].begin(), s["enum"].end());
    }
    return out;
}

bool no_common(const std::set<json> & a, const std::set<json> & b) {
    return !a.empty() && !b.empty() && std::none_of(a.begin(), a.end(), [&](const json & value) { return b.count(value) > 0; });
}

uint32_t loose_types(const json & s) {
    uint32_t out = 0;
    if (s.contains("type")) {
        for (const json & name : s["type"].is_array() ? s["type"] : json::array({s["type"]})) {
            out |= name.is_string() ? type_of_name(name.get<std::string>()) : 0;
        }
    } else if (s.contains("properties")) {
        out = OBJECT_TYPE; // as typed() reads it
    } else {
        for (const json & value : allowed_values(s)) {
            out |= type_of(value);
        }
    }
    return out == 0 ? ALL_TYPES : out;
}

} // namespace

bool are_disjoint(const json & x, const json & y) {
    if (!x.is_object() || !y.is_object()) {
        return false;
    }
    if (no_common(allowed_values(x), allowed_values(y))) {
        return true;
    }
    uint32_t first = loose_types(x), second = loose_types(y);
    for (uint32_t * types : {&first, &second}) { // an integer is a number
        *types |= *types & NUMBER_TYPE ? (uint32_t)INTEGER_TYPE : 0;
    }
    if ((first & second) == 0) {
        return true;
    }
    if (first != OBJECT_TYPE || second != OBJECT_TYPE || !x.contains("properties") || !y.contains("properties")) {
        return false;
    }
    const auto needs = [](const json & s, const std::string & name) {
        return s.contains("required") && s["required"].is_array() &&
               std::find(s["required"].begin(), s["required"].end(), name) != s["required"].end();
    };
    const json &in_x = x["properties"], &in_y = y["properties"];
    for (const auto & [name, property] : in_x.items()) {
        if (in_y.is_object() && in_y.contains(name) && needs(x, name) && needs(y, name) &&
            no_common(allowed_values(property), allowed_values(in_y[name]))) {
            return true;
        }
    }
    return false;
}

} // namespace magnet::schema
