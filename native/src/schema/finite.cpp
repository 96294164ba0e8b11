#include "finite.h"

#include <algorithm>

namespace magnet::schema {

using json = nlohmann::ordered_json;

namespace {

// Whether a schema of the subset has a finite value if these definitions have.
bool has_finite_value(const json & schema, const std::set<std::string> & finite) {
    const auto is_finite = [&](const json & part) { return has_finite_value(part, finite); };
    if (schema.contains("$ref")) {
        return finite.count(schema["$ref"].get<std::string>().substr(sizeof("#/$defs/") - 1)) > 0;
    }
    if (schema.contains("anyOf")) {
        return std::any_of(schema["anyOf"].begin(), schema["anyOf"].end(), is_finite);
    }
    if (schema.contains("prefixItems")) { // written in full
        return std::all_of(schema["prefixItems"].begin(), schema["prefixItems"].end(), is_finite);
    }
    if (schema.contains("items")) {
        return schema.value("minItems", 0) == 0 || is_finite(schema["items"]);
    }
    if (schema.contains("required")) {
        return std::all_of(schema["required"].begin(), schema["required"].end(),
                           [&](const json & name) { return is_finite(schema["properties"][name.get<std::string>()]); });
    }
    return true;
}

} // namespace

// The least fixed point, as of a grammar's symbols that derive a text. Definitions mostly refer to those behind them, so the last
// one goes first.
std::set<std::string> finite_definitions(const json & definitions) {
    std::set<std::string> finite;
    for (size_t before = SIZE_MAX; before != finite.size();) {
        before = finite.size();
        for (auto one = definitions.end(); one != definitions.begin();) {
            --one;
            if (!finite.count(one.key()) && has_finite_value(one.value(), finite)) {
                finite.insert(one.key());
            }
        }
    }
    return finite;
}

} // namespace magnet::schema
