#include "tool-xml.h"

#include "schema/fault.h"
#include "schema/keywords.h"
#include "schema/pointer.h"

#include <algorithm>

namespace magnet {

using json = nlohmann::ordered_json;

namespace {

const std::string open_function = "<function=", close_function = "</function>";
const std::string open_parameter = "<parameter=", close_parameter = "</parameter>";

// ------------------------------------------------------------------------------------------------ schemas

// The schema itself, or what it refers to.
const json & followed(const json & schema, const json & root) {
    const json * at = &schema;
    for (int turns = 0; at->is_object() && at->contains("$ref") && turns < 100; ++turns) {
        const json & ref = at->at("$ref");
        if (!ref.is_string() || ref.get_ref<const std::string &>().rfind('#', 0) != 0) {
            break;
        }
        at = &schema::resolve(root, ref.get_ref<const std::string &>().substr(1), "");
    }
    return *at;
}

// Types of the values that a schema may allow.
uint32_t types_of(const json & schema, const json & root, int depth = 0) {
    const json & s = followed(schema, root);
    if (!s.is_object() || depth > schema::limits::nesting) {
        return schema::ALL_TYPES;
    }
    uint32_t out = 0;
    if (s.contains("type")) {
        for (const json & name : s["type"].is_array() ? s["type"] : json::array({s["type"]})) {
            out |= name.is_string() ? schema::type_of_name(name.get<std::string>()) : 0;
        }
    } else if (s.contains("const")) {
        out = schema::type_of(s["const"]);
    } else if (s.contains("enum") && s["enum"].is_array()) {
        for (const json & value : s["enum"]) {
            out |= schema::type_of(value);
        }
    } else {
        for (const char * const key : {"anyOf", "oneOf", "allOf"}) {
            if (s.contains(key) && s[key].is_array()) {
                for (const json & one : s[key]) {
                    out |= types_of(one, root, depth + 1);
                }
            }
        }
    }
    return out == 0 ? (uint32_t) schema::ALL_TYPES : out & schema::NUMBER_TYPE ? out | schema::INTEGER_TYPE : out;
}

// ------------------------------------------------------------------------------------------------ reading

size_t behind_white(const std::string & text, size_t at) {
    return std::min(text.find_first_not_of(" \t\r\n", at), text.size());
}

bool stands(const std::string & text, size_t at, const std::string & what) {
    return text.compare(at, what.size(), what) == 0;
}

// What the schema of its parameter takes the text for.
json value_of(const std::string & text, const json & schema, const json & root) {
    uint32_t types = schema::ALL_TYPES;
    try {
        types = types_of(schema, root);
    } catch (const error &) { // a reference that leads nowhere says nothing
    }
    if (types == schema::STRING_TYPE) {
        return text;
    }
    json value;
    try {
        value = schema::parse(text, "a value");
    } catch (const error &) {
        if (types == schema::BOOLEAN_TYPE && (text == "True" || text == "False")) { // as such templates print them
            return text == "True";
        }
        return text;
    }
    const bool fits = (schema::type_of(value) & types) != 0;
    return fits || (types & schema::STRING_TYPE) == 0 ? value : json(text);
}

// A name up to '>', "" where there is none. Moves at behind it.
std::string name_at(const std::string & answer, size_t & at) {
    const size_t end = answer.find_first_of(">\n", at);
    if (end == std::string::npos || answer[end] != '>') {
        return "";
    }
    const std::string name = answer.substr(at, end - at);
    at                     = end + 1;
    return name;
}

// The text between tags that stand on lines of their own. It ends at the tag that another one follows: a closing tag in the
// middle of a text is a part of it.
bool text_at(const std::string & answer, size_t & at, std::string & text) {
    for (size_t end = at; (end = answer.find(close_parameter, end)) != std::string::npos;) {
        const size_t behind = end + close_parameter.size(), next = behind_white(answer, behind);
        if (stands(answer, next, open_parameter) || stands(answer, next, close_function)) {
            text = answer.substr(at, end - at);
            at   = next;
            for (const char * const line : {"\r\n", "\n"}) {
                if (text.rfind(line, 0) == 0) {
                    text.erase(0, std::string(line).size());
                    break;
                }
            }
            if (!text.empty() && text.back() == '\n') {
                text.pop_back();
            }
            return true;
        }
        end = behind;
    }
    return false;
}

const json nothing;

const json & parameters_of(const json & tools, const std::string & name) {
    if (tools.is_array()) {
        for (const json & tool : tools) {
            const json & function = tool.contains("function") ? tool["function"] : tool;
            if (function["name"] == name && function.contains("parameters")) {
                return function["parameters"];
            }
        }
    }
    return nothing;
}

} // namespace

bool read_xml_call(const std::string & answer, size_t & at, const json & tools, tool_call & call) {
    const size_t begin = behind_white(answer, at);
    if (!stands(answer, begin, open_function)) {
        return false;
    }
    size_t            i          = begin + open_function.size();
    const std::string name       = name_at(answer, i);
    const json &      parameters = parameters_of(tools, name);
    json              arguments  = json::object();
    for (i = behind_white(answer, i); !name.empty() && stands(answer, i, open_parameter);) {
        i += open_parameter.size();
        const std::string key = name_at(answer, i);
        std::string       text;
        if (key.empty() || !text_at(answer, i, text)) {
            return false;
        }
        const bool known = parameters.is_object() && parameters.contains("properties") && parameters["properties"].is_object() &&
                           parameters["properties"].contains(key);
        arguments[key] = value_of(text, known ? parameters["properties"][key] : nothing, parameters);
    }
    if (name.empty() || !stands(answer, i, close_function)) {
        return false;
    }
    at             = i + close_function.size();
    call.readable  = true;
    call.name      = name;
    call.arguments = arguments.dump();
    call.text      = answer.substr(begin, at - begin);
    return true;
}

// ------------------------------------------------------------------------------------------------ grammar

namespace {

// Any text without the closing tag, by the letters of it that have been read: only '<' begins it.
std::string any_text(schema::grammar_rules & rules) {
    const auto rule = [](size_t read) { return "tool-text-" + std::to_string(read); };
    for (size_t read = close_parameter.size(); read-- > 0;) {
        const std::string next(1, close_parameter[read]);
        std::string       all = "\"\"";
        if (read + 1 < close_parameter.size()) {
            all += " | \"" + next + "\" " + rule(read + 1);
        }
        if (next != "<") {
            all += " | \"<\" " + rule(1);
        }
        rules.add_rule(rule(read), all + " | [^\\x00<" + (next == "<" ? "" : next) + "] " + rule(0));
    }
    return rule(0);
}

// Texts by a schema that allows nothing else.
std::string text_grammar(schema::grammar_rules & rules, const json & schema, const json & root, const std::string & path) {
    const json & s = followed(schema, root);
    const auto   number = [&](const char * key, int64_t otherwise) {
        return s.contains(key) && s[key].is_number_integer() ? s[key].get<int64_t>() : otherwise;
    };
    std::string out;
    if (s.contains("const") || s.contains("enum")) {
        for (const json & value : s.contains("const") ? json::array({s["const"]}) : s["enum"]) {
            if (value.is_string()) {
                out += (out.empty() ? "" : " | ") + schema::literal(value);
            }
        }
        return "(" + out + ")";
    }
    for (const char * const key : {"anyOf", "oneOf", "allOf", "pattern", "format"}) {
        if (s.contains(key)) {
            schema::refuse(path, "\"" + std::string(key) + "\" of a text is not supported in the form in which this model calls tools");
        }
    }
    if (!s.contains("minLength") && !s.contains("maxLength")) {
        return any_text(rules);
    }
    const int64_t most = number("maxLength", -1);
    return "[^<\\x00]{" + std::to_string(number("minLength", 0)) + "," + (most < 0 ? "" : std::to_string(most)) + "}";
}

void check_name(const std::string & name, const std::string & path) {
    if (name.empty() || name.find_first_of(">\n") != std::string::npos) {
        schema::refuse(path, "the form in which this model calls tools has no place for the name " + json(name).dump());
    }
}

} // namespace

void add_xml_call(schema::grammar_rules & rules, const std::string & rule, const json & function) {
    const std::string name       = function["name"];
    json              parameters = function.contains("parameters") ? function["parameters"] : json::object();
    parameters["type"]           = "object";
    schema::check(parameters);
    check_name(name, "");
    for (const char * const key : {"$ref", "anyOf", "oneOf", "allOf", "enum", "const"}) {
        if (parameters.contains(key)) {
            schema::refuse("", "\"" + std::string(key) + "\" of all parameters is not supported in the form in which this model calls "
                               "tools; name them in \"properties\"");
        }
    }
    const json properties  = parameters.contains("properties") ? parameters["properties"] : json::object();
    const json required    = parameters.contains("required") ? parameters["required"] : json::array();
    const auto is_required = [&](const std::string & key) { return std::find(required.begin(), required.end(), json(key)) != required.end(); };
    std::string needed, optional;
    int         n = 0;
    for (const auto & [key, schema] : properties.items()) {
        if (schema.is_boolean() && schema == false) {
            continue;
        }
        const std::string path = "/properties/" + schema::escaped_pointer(key), own = rule + "-" + std::to_string(n++);
        check_name(key, path);
        const bool        text  = types_of(schema, parameters) == schema::STRING_TYPE;
        const std::string value = text ? text_grammar(rules, schema, parameters, path) : rules.add_schema(own + "-value", parameters, path);
        rules.add_rule(own, schema::literal(open_parameter + key + ">\n") + " " + value + " " +
                                schema::literal("\n" + close_parameter + "\n"));
        (is_required(key) ? needed : optional) += " " + own + (is_required(key) ? "" : "?");
    }
    for (const json & key : required) {
        if (!properties.contains(key.get<std::string>())) {
            schema::refuse("", "it requires " + key.dump() + ", and \"properties\" does not say what that is");
        }
    }
    rules.add_rule(rule, schema::literal(open_function + name + ">\n") + needed + optional + " " + schema::literal(close_function));
}

} // namespace magnet
