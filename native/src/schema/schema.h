// A JSON schema as a grammar: upstream's converter, given only what it follows to the letter.
#pragma once

#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <vector>

namespace magnet::schema {

struct limits {
    static constexpr size_t  bytes      = 1 << 18; // of a schema
    static constexpr int32_t nesting    = 50;      // arrays and objects inside one another
    static constexpr int32_t nodes      = 5000;    // schemas inside it
    static constexpr size_t  names      = 1 << 20; // bytes of all their paths, which become names of rules
    static constexpr size_t  name       = 256;     // bytes of a property's name
    static constexpr int32_t properties = 256;     // of one object
};

// JSON that a caller wrote. what: "the schema", for messages. Throws INVALID_ARGUMENT with line and column where it is no
// JSON, and where it nests or is too large.
nlohmann::ordered_json parse(const std::string & text, const std::string & what);

// A grammar of some schemas; each is a rule.
class grammar_rules {
public:
    virtual ~grammar_rules() = default;
    // at: a pointer to the part of the schema that is meant; references lead into the whole.
    virtual std::string add_schema(const std::string & name, const nlohmann::ordered_json & schema, const std::string & at = "") = 0;
    virtual void        add_rule(const std::string & name, const std::string & rule)                                            = 0;
};

// GBNF with the rules that build adds, "root" among them. Texts that match a schema's rule are JSON and valid by the schema.
// Throws INVALID_ARGUMENT naming place and reason: a schema that is none, or asks for what cannot be kept.
std::string grammar_of(const std::function<void(grammar_rules &)> & build);

// Throws as grammar_of does, and makes nothing.
void check(const nlohmann::ordered_json & schema);

// The same of one schema.
std::string grammar_of(const std::string & schema);

// The text in GBNF's quotation marks.
std::string literal(const std::string & text);

} // namespace magnet::schema
