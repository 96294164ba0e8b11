#include "values.h"

#include "fault.h"
#include "keywords.h"
#include "llama/magnet-grammar.h"
#include "strings.h"

#include <algorithm>
#include <cmath>

namespace magnet::schema {

using json = nlohmann::ordered_json;

namespace {

constexpr int64_t largest = 999999999999999; // digits that the converter writes of an integer, and doubles hold

int64_t count_at(const place & p, const char * key, int64_t otherwise) {
    if (!p.at->contains(key)) {
        return otherwise;
    }
    const json & value = p.at->at(key);
    if (!value.is_number() || type_of(value) != INTEGER_TYPE || value.get<double>() < 0 || value.get<double>() > grammar_limits::repetitions) {
        refuse(p.path, std::string("\"") + key + "\" must be an integer in [0, " + std::to_string(grammar_limits::repetitions) + "]");
    }
    return value.get<int64_t>();
}

} // namespace

void add_counts(json & out, const place & p, const char * least_key, const char * most_key) {
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

json string_subset(const place & p) {
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

json integer_subset(const place & p) {
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

json number_subset(const place & p) {
    for (const char * const key : {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}) {
        if (p.at->contains(key)) {
            refuse(p.path, std::string("\"") + key + "\" of a \"number\" is not supported, only of an \"integer\"");
        }
    }
    return {{"type", "number"}};
}

} // namespace magnet::schema
