#include "pointer.h"

#include "fault.h"

namespace magnet::schema {

using json = nlohmann::ordered_json;

namespace {

std::string decoded(const std::string & text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && isxdigit((unsigned char)text[i + 1]) && isxdigit((unsigned char)text[i + 2])) {
            out += (char)std::stoi(text.substr(i + 1, 2), nullptr, 16);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

} // namespace

const json & resolve(const json & root, const std::string & pointer, const std::string & from) {
    try {
        return root.at(json::json_pointer(decoded(pointer)));
    } catch (const json::exception &) {
        refuse(from, "\"$ref\": \"#" + pointer + "\" leads nowhere");
    }
}

std::string escaped_pointer(const std::string & key) {
    std::string out;
    for (const char c : key) {
        out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    }
    return out;
}

} // namespace magnet::schema
