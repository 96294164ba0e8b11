#include "keywords.h"

#include "fault.h"
#include "place.h"

#include <cmath>
#include <cstring>

namespace magnet::schema {

namespace {

const std::pair<const char *, uint32_t> type_names[] = {
    {"null", NULL_TYPE},     {"boolean", BOOLEAN_TYPE}, {"integer", INTEGER_TYPE}, {"number", NUMBER_TYPE},
    {"string", STRING_TYPE}, {"array", ARRAY_TYPE},     {"object", OBJECT_TYPE},
};

constexpr uint32_t NUMBERS = INTEGER_TYPE | NUMBER_TYPE;

const keyword keywords[] = {
    {"$ref", ALL_TYPES, true},
    {"type", ALL_TYPES, true},
    {"enum", ALL_TYPES, true},
    {"const", ALL_TYPES, true},
    {"anyOf", ALL_TYPES, true},
    {"oneOf", ALL_TYPES, true},
    {"allOf", ALL_TYPES, true},
    {"not", ALL_TYPES, false},
    {"if", ALL_TYPES, false},
    {"$dynamicRef", ALL_TYPES, false},
    {"$recursiveRef", ALL_TYPES, false},
    {"extends", ALL_TYPES, false},
    {"disallow", ALL_TYPES, false},

    {"minimum", NUMBERS, true},
    {"maximum", NUMBERS, true},
    {"exclusiveMinimum", NUMBERS, true},
    {"exclusiveMaximum", NUMBERS, true},
    {"multipleOf", NUMBERS, false},
    {"divisibleBy", NUMBERS, false},

    {"pattern", STRING_TYPE, true},
    {"format", STRING_TYPE, true},
    {"minLength", STRING_TYPE, true},
    {"maxLength", STRING_TYPE, true},

    {"items", ARRAY_TYPE, true},
    {"prefixItems", ARRAY_TYPE, true},
    {"minItems", ARRAY_TYPE, true},
    {"maxItems", ARRAY_TYPE, true},
    {"uniqueItems", ARRAY_TYPE, false},
    {"contains", ARRAY_TYPE, false},

    {"properties", OBJECT_TYPE, true},
    {"required", OBJECT_TYPE, true},
    {"additionalProperties", OBJECT_TYPE, true},
    {"patternProperties", OBJECT_TYPE, false},
    {"propertyNames", OBJECT_TYPE, false},
    {"minProperties", OBJECT_TYPE, false},
    {"maxProperties", OBJECT_TYPE, false},
    {"dependencies", OBJECT_TYPE, false},
    {"dependentRequired", OBJECT_TYPE, false},
    {"dependentSchemas", OBJECT_TYPE, false},
    {"unevaluatedProperties", OBJECT_TYPE, false},
};

} // namespace

const char * type_name(uint32_t type) {
    for (const auto & [name, bit] : type_names) {
        if (bit == type) {
            return name;
        }
    }
    return "?";
}

uint32_t type_of_name(const std::string & name) {
    for (const auto & [known, bit] : type_names) {
        if (known == name) {
            return bit;
        }
    }
    return 0;
}

uint32_t type_of(const nlohmann::ordered_json & value) {
    if (value.is_number_float()) {
        const auto number = value.get<double>();
        return number == std::floor(number) ? INTEGER_TYPE : NUMBER_TYPE;
    }
    return value.is_null()      ? NULL_TYPE
           : value.is_boolean() ? BOOLEAN_TYPE
           : value.is_number()  ? INTEGER_TYPE
           : value.is_string()  ? STRING_TYPE
           : value.is_array()   ? ARRAY_TYPE
                                : OBJECT_TYPE;
}

const keyword * find_keyword(const std::string & name) {
    for (const keyword & k : keywords) {
        if (name == k.name) {
            return &k;
        }
    }
    return nullptr;
}

std::set<std::string> restrictions(const place & p, uint32_t types) {
    std::set<std::string> out;
    for (const auto & [name, value] : p.at->items()) {
        const keyword * const k = find_keyword(name);
        const bool harmless = !k || !(k->types & types) || (name == "uniqueItems" && value == false) ||
                              (name == "minProperties" && value == 0) || (name == "unevaluatedProperties" && value.is_boolean());
        if (harmless) {
            continue;
        }
        if (!k->kept) {
            refuse(p.path, "\"" + name + "\" is not supported");
        }
        out.insert(name);
    }
    return out;
}

} // namespace magnet::schema
