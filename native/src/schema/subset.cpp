#include "subset.h"

#include "fault.h"
#include "keywords.h"
#include "pointer.h"
#include "schema.h"
#include "strings.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace magnet::schema {

using json = nlohmann::ordered_json;

namespace {

constexpr int64_t largest = 999999999999999; // digits that the converter writes of an integer, and doubles hold

// A schema, and where it is from.
struct place {
    const json * at;
    std::string  path; // JSON pointer
};

class builder {
public:
    builder(const json & root, const std::string & references) : root_(root), references_(references) {}

    json build() {
        json out = node({&root_, ""});
        json targets = json::object();
        while (!wanted_.empty()) { // each once, however it refers to itself
            const auto [path, name] = wanted_.back();
            wanted_.pop_back();
            targets[name] = node({&resolve(root_, path, path), path});
        }
        if (!targets.empty()) {
            if (!out.is_object() || out.contains("$defs")) {
                out = json{{"anyOf", json::array({out})}};
            }
            out["$defs"] = targets;
        }
        return out;
    }

private:
    // The keywords of a node that restrict values of these types. Throws where one cannot be kept.
    static std::set<std::string> restrictions(const place & p, uint32_t types) {
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
                if (!differ(followed({&list[i], p.path}), followed({&list[j], p.path}))) {
                    refuse(p.path, "\"oneOf\" is supported where alternatives differ by \"type\", or by a required property of "
                                   "other \"const\" or \"enum\" values; 0-based " + std::to_string(i) + " and " +
                                       std::to_string(j) + " may not. Use \"anyOf\"");
                }
            }
        }
    }

    static std::set<json> allowed_values(const json & s) {
        std::set<json> out;
        if (s.is_object() && s.contains("const")) {
            out.insert(s["const"]);
        } else if (s.is_object() && s.contains("enum") && s["enum"].is_array()) {
            out.insert(s["enum"].begin(), s["enum"].end());
        }
        return out;
    }

    static bool no_common(const std::set<json> & a, const std::set<json> & b) {
        return !a.empty() && !b.empty() && std::none_of(a.begin(), a.end(), [&](const json & value) { return b.count(value) > 0; });
    }

    static bool differ(const place & a, const place & b) {
        const json &x = *a.at, &y = *b.at;
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

    static uint32_t loose_types(const json & s) {
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
                          : type == STRING_TYPE  ? string(p)
                          : type == INTEGER_TYPE ? integer(p)
                          : type == NUMBER_TYPE  ? number(p)
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

    static int64_t count_at(const place & p, const char * key, int64_t otherwise) {
        if (!p.at->contains(key)) {
            return otherwise;
        }
        const json & value = p.at->at(key);
        if (!value.is_number() || type_of(value) != INTEGER_TYPE || value.get<double>() < 0 || value.get<double>() > 1e6) {
            refuse(p.path, std::string("\"") + key + "\" must be an integer in [0, 1000000]");
        }
        return value.get<int64_t>();
    }

    // out[least] and out[most], where they restrict.
    static void add_counts(json & out, const place & p, const char * least_key, const char * most_key) {
        const int64_t least = count_at(p, least_key, 0), most = count_at(p, most_key, -1);
        if (most >= 0 && least > most) {
            refuse(p.path, std::string("\"") + least_key + "\" is above \"" + most_key + "\"");
        }
        if (least > 0) {
            out[least_key] = least;
        }
        if (most >= 0) {
            out[most_key] = most;
        }
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

    static json string(const place & p) {
        const json & s   = *p.at;
        json         out = {{"type", "string"}};
        add_counts(out, p, "minLength", "maxLength");
        for (const char * const key : {"pattern", "format"}) {
            if (!s.contains(key)) {
                continue;
            }
            if (!s[key].is_string()) {
                refuse(p.path, std::string("\"") + key + "\" must be a string");
            }
            if (out.size() > 1) {
                refuse(p.path, std::string("\"") + key + "\" beside another \"pattern\", \"format\" or length is not supported");
            }
            const auto &      text    = s[key].get_ref<const std::string &>();
            const bool        named   = key == std::string("format");
            const std::string pattern = named ? format_pattern(text) : text;
            if (named && pattern.empty()) {
                refuse(p.path, "\"format\": \"" + text + "\" is not supported; those that are: " + known_formats() + ". Say it with \"pattern\"");
            }
            if (!pattern.empty()) {
                out["pattern"] = json_pattern(pattern, p.path);
            }
        }
        return out;
    }

    static json integer(const place & p) {
        const json & s   = *p.at;
        double       low = -(double)largest, high = (double)largest;
        const auto   bound = [&](const char * key) {
            if (!s[key].is_number()) {
                refuse(p.path, std::string("\"") + key + "\" must be a number");
            }
            return s[key].get<double>();
        };
        if (s.contains("minimum")) {
            low = std::max(low, std::ceil(bound("minimum")));
        }
        if (s.contains("exclusiveMinimum")) {
            low = std::max(low, std::floor(bound("exclusiveMinimum")) + 1);
        }
        if (s.contains("maximum")) {
            high = std::min(high, std::floor(bound("maximum")));
        }
        if (s.contains("exclusiveMaximum")) {
            high = std::min(high, std::ceil(bound("exclusiveMaximum")) - 1);
        }
        if (low > high) {
            refuse(p.path, "no integer of up to 15 digits is in the range that it says");
        }
        // Where one end is open the converter writes less, and gets it right for these alone.
        json       out   = {{"type", "integer"}};
        const bool below = low <= -(double)largest, above = high >= (double)largest;
        if (!below && (!above || low < 0 || low > 9)) {
            out["minimum"] = (int64_t)low, out["maximum"] = (int64_t)high;
        } else if (!above && high < 0) {
            out["minimum"] = -largest, out["maximum"] = (int64_t)high;
        } else if (!below) {
            out["minimum"] = (int64_t)low;
        } else if (!above) {
            out["maximum"] = (int64_t)high;
        }
        return out;
    }

    static json number(const place & p) {
        for (const char * const key : {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}) {
            if (p.at->contains(key)) {
                refuse(p.path, std::string("\"") + key + "\" of a \"number\" is not supported, only of an \"integer\"");
            }
        }
        return {{"type", "number"}};
    }

    const json &                                     root_;
    const std::string                                references_;
    std::map<std::string, std::string>               names_of_; // of a path that is referred to
    std::vector<std::pair<std::string, std::string>> wanted_;   // of these, those that are still to be built
    int32_t                                          nodes_ = 0;
    size_t                                           names_ = 0;
};

} // namespace

json subset_of(const json & schema, const std::string & references) {
    return builder(schema, references).build();
}

} // namespace magnet::schema
