#include "subset.h"

#include "disjoint.h"
#include "fault.h"
#include "finite.h"
#include "keywords.h"
#include "place.h"
#include "pointer.h"
#include "schema.h"
#include "values.h"

#include <algorithm>
#include <map>
#include <set>

namespace magnet::schema {

using json = nlohmann::ordered_json;

namespace {

class builder {
public:
    builder(const json & root, const std::string & references) : root_(root), references_(references) {}

    json build(const std::string & at) {
        json out = node({&root_.at(json::json_pointer(at)), at});
        json targets = json::object();
        while (!wanted_.empty()) { // each once, however it refers to itself
            const auto [path, name] = wanted_.back();
            wanted_.pop_back();
            targets[name] = node({&resolve(root_, path, path), path});
        }
        check_finite(targets);
        if (!targets.empty()) {
            if (!out.is_object() || out.contains("$defs")) {
                out = json{{"anyOf", json::array({out})}};
            }
            out["$defs"] = targets;
        }
        return out;
    }

private:
    // A text that a definition without end has begun with is never complete. A schema without definitions is finite itself.
    void check_finite(const json & targets) const {
        const std::set<std::string> finite = finite_definitions(targets);
        for (const auto & [path, name] : names_of_) {
            if (!finite.count(name)) {
                refuse(path, "it requires itself without end: no value that is finite is valid by it. Make a property on the way "
                             "optional, or allow null");
            }
        }
    }

    // No restrictions but what, the first of which gives the message its name.
    static void alone(const place & p, const std::set<std::string> & found, const std::vector<std::string> & what) {
        for (const std::string & name : found) {
            if (std::find(what.begin(), what.end(), name) == what.end()) {
                refuse(p.path, "\"" + name + "\" beside \"" + what[0] + "\" is not supported");
            }
        }
    }

    void count(const place & p) {
        names_ += p.path.size() + 1;
        if (++nodes_ > limits::nodes || names_ > limits::names) {
            refuse("", "it is too large: more than " + std::to_string(limits::nodes) + " schemas inside one another, or long names");
        }
    }

    json node(const place & p) {
        count(p);
        if (p.at->is_boolean()) {
            if (!p.at->get<bool>()) {
                refuse(p.path, "false allows nothing");
            }
            return json::object();
        }
        if (!p.at->is_object()) {
            refuse(p.path, "expected a schema, which is an object, and found " + kind_of(*p.at));
        }
        const json & s = *p.at;
        if (s.contains("$ref")) {
            alone(p, restrictions(p, ALL_TYPES), {"$ref"});
            return reference(p);
        }
        if (s.contains("enum") || s.contains("const")) {
            return values(p);
        }
        for (const char * const key : {"anyOf", "oneOf"}) {
            if (s.contains(key)) {
                return alternatives(p, key);
            }
        }
        if (s.contains("allOf")) {
            return all_of(p);
        }
        return typed(p);
    }

    static std::string kind_of(const json & value) {
        return std::string(type_of(value) == ARRAY_TYPE || type_of(value) == INTEGER_TYPE ? "an " : "a ") + type_name(type_of(value));
    }

    // ------------------------------------------------------------------------------------------ references, values

    static const std::string & ref_of(const place & p) {
        const json & ref = p.at->at("$ref");
        if (!ref.is_string()) {
            refuse(p.path, "\"$ref\" must be a string");
        }
        const auto & text = ref.get_ref<const std::string &>();
        if (text != "#" && text.rfind("#/", 0) != 0) {
            refuse(p.path, "\"$ref\": \"" + text + "\" is not supported, only references into this schema (\"#/…\") are");
        }
        return text;
    }

    // What it stands for: where a reference leads to references alone, what these lead to.
    place followed(place p) const {
        for (size_t turns = 0; p.at->is_object() && p.at->contains("$ref"); ++turns) {
            const std::string path = ref_of(p).substr(1);
            if (turns > limits::nodes) {
                refuse(p.path, "\"$ref\" leads in a circle");
            }
            p = {&resolve(root_, path, p.path), path};
        }
        return p;
    }

    json reference(const place & p) {
        const place target = followed(p);
        const auto [found, is_new] = names_of_.emplace(target.path, references_ + "-" + std::to_string(names_of_.size()));
        if (is_new) {
            wanted_.push_back(*found);
        }
        return {{"$ref", "#/$defs/" + found->second}};
    }

    // A number that the reader of JSON has rounded would be forced in its rounded form.
    static void check_exact(const place & p, const json & value) {
        for (const json & one : json::array({value}).flatten()) { // its numbers, however deep they lie
            if (one.is_number_float() && std::abs(one.get<double>()) >= 9e15) {
                refuse(p.path, "the number " + one.dump() + " is too large to be kept exactly; numbers are, up to 2^64");
            }
        }
    }

    json values(const place & p) {
        const json & s     = *p.at;
        const bool     is_const = s.contains("const");
        const uint32_t types    = s.contains("type") ? types_of(p) : (uint32_t)ALL_TYPES;
        alone(p, restrictions(p, types), {is_const ? "const" : "enum", "enum", "type"});
        if (!is_const && !s["enum"].is_array()) {
            refuse(p.path, "\"enum\" must be an array");
        }
        json           left = json::array();
        std::set<json> seen;
        for (const json & value : is_const ? json::array({s["const"]}) : s["enum"]) {
            const bool typed  = type_of(value) & types || (type_of(value) == INTEGER_TYPE && types & NUMBER_TYPE);
            const bool listed = !is_const || !s.contains("enum") || std::find(s["enum"].begin(), s["enum"].end(), value) != s["enum"].end();
            check_exact(p, value);
            if (typed && listed && seen.insert(value).second) {
                left.push_back(value);
            }
        }
        if (left.empty()) {
            refuse(p.path, std::string("\"") + (is_const ? "const" : "enum") + "\" allows no value" + (s.contains("type") ? " of its type" : ""));
        }
        return {{"enum", left}};
    }

    // ------------------------------------------------------------------------------------------ alternatives

    json alternatives(const place & p, const std::string & key) {
        alone(p, restrictions(p, ALL_TYPES), {key, "type"});
        const json & list = p.at->at(key);
        if (!list.is_array() || list.empty()) {
            refuse(p.path, "\"" + key + "\" must be an array of schemas");
        }
        std::vector<json> typed(list.begin(), list.end()); // with the type that stands beside them
        json              out = json::array();
        for (size_t i = 0; i < typed.size(); ++i) {
            const std::string path = p.path + "/" + key + "/" + std::to_string(i);
            if (p.at->contains("type") && typed[i].is_object()) {
                if (typed[i].contains("$ref") || (typed[i].contains("type") && typed[i]["type"] != p.at->at("type"))) {
                    refuse(p.path, "\"type\" beside \"" + key + "\" is not supported; write it into each alternative");
                }
                typed[i]["type"] = p.at->at("type");
            }
            out.push_back(node({&typed[i], path}));
        }
        if (key == "oneOf") {
            check_disjoint(p, list);
        }
        return {{"anyOf", out}};
    }

    // oneOf allows what matches one alternative and no other: they must not meet, since the grammar allows what any matches.
    void check_disjoint(const place & p, const json & list) const {
        for (size_t i = 0; i < list.size(); ++i) {
            for (size_t j = i + 1; j < list.size(); ++j) {
                if (!are_disjoint(*followed({&list[i], p.path}).at, *followed({&list[j], p.path}).at)) {
                    refuse(p.path, "\"oneOf\" is supported where alternatives differ by \"type\", or by a required property of "
                                   "other \"const\" or \"enum\" values; 0-based " + std::to_string(i) + " and " +
                                       std::to_string(j) + " may not. Use \"anyOf\"");
                }
            }
        }
    }

    // One schema, or objects whose properties are joined.
    json all_of(const place & p) {
        const json & list = p.at->at("allOf");
        if (!list.is_array() || list.empty()) {
            refuse(p.path, "\"allOf\" must be an array of schemas");
        }
        json own = *p.at;
        own.erase("allOf");
        const std::set<std::string> beside = restrictions({&own, p.path}, ALL_TYPES);
        if (beside.empty() && list.size() == 1) {
            return node({&list[0], p.path + "/allOf/0"});
        }
        json merged = {{"type", "object"}, {"properties", json::object()}, {"required", json::array()}};
        if (!beside.empty()) {
            merge(merged, {&own, p.path}, 0);
        }
        for (size_t i = 0; i < list.size(); ++i) {
            merge(merged, {&list[i], p.path + "/allOf/" + std::to_string(i)}, 0);
        }
        return node({&merged, p.path});
    }

    void merge(json & into, place p, int depth) const {
        p = followed(p);
        if (!p.at->is_object() || depth > limits::nesting) {
            refuse(p.path, "\"allOf\" is supported of objects");
        }
        const std::set<std::string> found = restrictions(p, ALL_TYPES);
        for (const std::string & name : found) {
            const bool fits = name == "properties" || name == "required" || name == "allOf" ||
                              (name == "type" && p.at->at(name) == "object") ||
                              (name == "additionalProperties" && p.at->at(name) == true);
            if (!fits) {
                refuse(p.path, "\"" + name + "\" in \"allOf\" is not supported, only objects' \"properties\" and \"required\" are");
            }
        }
        if (found.count("properties")) {
            for (const auto & [name, schema] : object_at(p, "properties").items()) {
                if (into["properties"].contains(name) && into["properties"][name] != schema) {
                    refuse(p.path, "\"allOf\" says of the property \"" + name + "\" twice what it is, which is not supported");
                }
                into["properties"][name] = schema;
            }
        }
        for (const std::string & name : names_at(p, "required")) {
            into["required"].push_back(name);
        }
        if (found.count("allOf") && p.at->at("allOf").is_array()) {
            for (const json & part : p.at->at("allOf")) {
                merge(into, {&part, p.path}, depth + 1);
            }
        }
    }

    // ------------------------------------------------------------------------------------------ types

    static uint32_t types_of(const place & p) {
        const json & type = p.at->at("type");
        uint32_t     out  = 0;
        for (const json & name : type.is_array() ? type : json::array({type})) {
            const uint32_t bit = name.is_string() ? type_of_name(name.get<std::string>()) : 0;
            if (bit == 0) {
                refuse(p.path, "\"type\" is " + name.dump() + "; it must be null, boolean, integer, number, string, array or object");
            }
            out |= bit;
        }
        if (out == 0) {
            refuse(p.path, "\"type\" must not be empty");
        }
        return out;
    }

    // Without "type" it is what its keywords speak of, if they speak of one type.
    static uint32_t implied_types(const place & p) {
        uint32_t out = 0;
        for (const auto & [name, value] : p.at->items()) {
            const keyword * const k = find_keyword(name);
            if (k && k->types != ALL_TYPES && (out & k->types) == 0) {
                if (out != 0) {
                    refuse(p.path, "its keywords speak of several types; say which with \"type\"");
                }
                out = k->types;
            }
        }
        return out == (INTEGER_TYPE | NUMBER_TYPE) ? (uint32_t)NUMBER_TYPE : out;
    }

    json typed(const place & p) {
        const uint32_t types = p.at->contains("type") ? types_of(p) : implied_types(p);
        restrictions(p, types == 0 ? (uint32_t)ALL_TYPES : types);
        json out = json::array();
        for (uint32_t type = 1; type <= OBJECT_TYPE; type <<= 1) {
            if ((types & type) == 0 || (type == INTEGER_TYPE && types & NUMBER_TYPE)) {
                continue;
            }
            out.push_back(type == OBJECT_TYPE    ? object(p)
                          : type == ARRAY_TYPE   ? array(p)
                          : type == STRING_TYPE  ? string_subset(p)
                          : type == INTEGER_TYPE ? integer_subset(p)
                          : type == NUMBER_TYPE  ? number_subset(p)
                                                 : json{{"type", type_name(type)}});
        }
        return out.empty() ? json::object() : out.size() == 1 ? out[0] : json{{"anyOf", out}};
    }

    static const json & object_at(const place & p, const char * key) {
        const json & value = p.at->at(key);
        if (!value.is_object()) {
            refuse(p.path, std::string("\"") + key + "\" must be an object");
        }
        return value;
    }

    static std::vector<std::string> names_at(const place & p, const char * key) {
        std::vector<std::string> out;
        if (p.at->contains(key)) {
            const json & list = p.at->at(key);
            if (!list.is_array() || std::any_of(list.begin(), list.end(), [](const json & name) { return !name.is_string(); })) {
                refuse(p.path, std::string("\"") + key + "\" must be an array of strings");
            }
            out.assign(list.begin(), list.end());
        }
        return out;
    }

    json object(const place & p) {
        const json & s      = *p.at;
        const bool   listed = s.contains("properties"), closed = s.contains("additionalProperties") && s["additionalProperties"] == false;
        json         properties = json::object(), required = json::array();
        if (listed) {
            for (const auto & [name, schema] : object_at(p, "properties").items()) {
                if (name.size() > limits::name) {
                    refuse(p.path, "a property's name has more than " + std::to_string(limits::name) + " bytes");
                }
                if (!(schema.is_boolean() && schema == false)) {
                    properties[name] = node({&schema, p.path + "/properties/" + escaped_pointer(name)});
                }
            }
        }
        for (const std::string & name : names_at(p, "required")) {
            if (!properties.contains(name)) {
                if (closed || (listed && s["properties"].contains(name))) {
                    refuse(p.path, "it requires the property \"" + name + "\", and allows none");
                }
                const bool described = s.contains("additionalProperties") && s["additionalProperties"].is_object();
                properties[name]     = described ? node({&s["additionalProperties"], p.path + "/additionalProperties"}) : json::object();
            }
            if (std::find(required.begin(), required.end(), name) == required.end()) {
                required.push_back(name);
            }
        }
        if (properties.size() > (size_t)limits::properties) {
            refuse(p.path, "it has more than " + std::to_string(limits::properties) + " properties");
        }
        json out = {{"type", "object"}};
        if (!properties.empty() || closed) { // those that are not named are left out, as the schema allows
            out["properties"]           = properties;
            out["required"]             = required;
            out["additionalProperties"] = false;
        } else if (s.contains("additionalProperties")) {
            out["additionalProperties"] = node({&s["additionalProperties"], p.path + "/additionalProperties"});
        }
        return out;
    }

    json array(const place & p) {
        const json & s     = *p.at;
        const bool   fixed = s.contains("items") && s["items"].is_array();
        json         out   = {{"type", "array"}};
        add_counts(out, p, "minItems", "maxItems");
        if (s.contains("prefixItems") || fixed) {
            const std::string key = fixed ? "items" : "prefixItems";
            if (!s[key].is_array() || s[key].empty()) {
                refuse(p.path, "\"" + key + "\" must be an array of schemas");
            }
            const auto n = (int64_t)s[key].size();
            if (out.value("minItems", (int64_t)0) > n || out.value("maxItems", n) < n) {
                refuse(p.path, "\"" + key + "\" is written in full, which \"minItems\" and \"maxItems\" must allow");
            }
            json items = json::array();
            for (size_t i = 0; i < s[key].size(); ++i) {
                items.push_back(node({&s[key][i], p.path + "/" + key + "/" + std::to_string(i)}));
            }
            return {{"type", "array"}, {"prefixItems", items}};
        }
        if (s.contains("items")) {
            if (s["items"] == false) {
                return {{"enum", json::array({json::array()})}};
            }
            out["items"] = node({&s["items"], p.path + "/items"});
        }
        return out;
    }

    const json &                                     root_;
    const std::string                                references_;
    std::map<std::string, std::string>               names_of_; // of a path that is referred to
    std::vector<std::pair<std::string, std::string>> wanted_;   // of these, those that are still to be built
    int32_t                                          nodes_ = 0;
    size_t                                           names_ = 0;
};

} // namespace

json subset_of(const json & schema, const std::string & references, const std::string & at) {
    return builder(schema, references).build(at);
}

} // namespace magnet::schema
