// The words of JSON Schema (drafts 4 to 2020-12), and which of them are kept.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace magnet::schema {

// Types that a keyword speaks of; it says nothing of values of others.
enum type_bits : uint32_t {
    NULL_TYPE    = 1 << 0,
    BOOLEAN_TYPE = 1 << 1,
    INTEGER_TYPE = 1 << 2,
    NUMBER_TYPE  = 1 << 3,
    STRING_TYPE  = 1 << 4,
    ARRAY_TYPE   = 1 << 5,
    OBJECT_TYPE  = 1 << 6,
    ALL_TYPES    = (1 << 7) - 1,
};

const char * type_name(uint32_t type);

// 0 for a word that is no type.
uint32_t type_of_name(const std::string & name);

// That of a value: INTEGER_TYPE for a number without a fraction.
uint32_t type_of(const nlohmann::ordered_json & value);

struct keyword {
    const char * name;
    uint32_t     types;
    bool         kept; // else the schema is refused where it is about a value's type
};

const keyword * find_keyword(const std::string & name); // null: no keyword, or one that restricts nothing (a title)

} // namespace magnet::schema
