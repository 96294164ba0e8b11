#include "strings.h"

#include <utility>

namespace magnet::schema {

namespace {

// Days of the shortest February: a year is not looked at. Some validators know which top-level domains there are.
#define DAY                                                                                                                      \
    "[0-9]{4}-((01|03|05|07|08|10|12)-(0[1-9]|[12][0-9]|3[01])|(04|06|09|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
#define HOUR "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{3})?(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])"
#define BYTE "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"

const std::pair<const char *, const char *> formats[] = {
    {"date", DAY},
    {"date-time", DAY "T" HOUR},
    {"email", "[a-z0-9]{1,15}([._+-][a-z0-9]{1,15}){0,3}@[a-z0-9]{1,20}(-[a-z0-9]{1,20})?(\\.co)?\\.(com|org|net|edu|gov|info|io|eu|de|fr|uk|jp|ca|au|in|br)"},
    {"ipv4", BYTE "(\\." BYTE "){3}"},
    {"time", HOUR},
    {"uuid", "[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"},
};

} // namespace

std::string format_pattern(const std::string & format) {
    for (const auto & [name, pattern] : formats) {
        if (format == name) {
            return pattern;
        }
    }
    return "";
}

std::string known_formats() {
    std::string out;
    for (const auto & [name, pattern] : formats) {
        out += (out.empty() ? "" : ", ") + std::string(name);
    }
    return out;
}

} // namespace magnet::schema
