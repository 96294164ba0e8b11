#include "lines.h"

#include "atomic-file.h"
#include "json-row.h"
#include "utf8.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace magnet {

error bad_line(const std::string & path, int64_t line, const std::string & why) {
    return error(MAGNET_STATUS_BAD_FILE, path + ":" + std::to_string(line) + ": " + why);
}

void for_each_line(const std::string & path, const std::function<void(std::string &, int64_t)> & use) {
    const std::string text   = read_file(path);
    int64_t           number = 0;
    for (size_t begin = ends_with(text.substr(0, 3), "\xef\xbb\xbf") ? 3 : 0; begin < text.size();) {
        const size_t end  = std::min(text.find('\n', begin), text.size());
        std::string  line = text.substr(begin, end - begin);
        begin             = end + 1;
        ++number;
        if (!line.empty() && line.back() == '\r') {
            line.pop_back();
        }
        const size_t invalid = utf8_find_invalid(line);
        if (invalid != std::string::npos) {
            throw bad_line(path, number,
                           "not UTF-8 (byte " + std::to_string(invalid + 1) +
                               " of the line); convert the file first, for instance with iconv.");
        }
        use(line, number);
    }
}

bool ends_with(const std::string & s, const std::string & tail) {
    return s.size() >= tail.size() && s.compare(s.size() - tail.size(), tail.size(), tail) == 0;
}

bool is_json_lines(const std::string & path) {
    return ends_with(path, ".jsonl") || ends_with(path, ".ndjson");
}

bool is_blank(const std::string & s) {
    return s.find_first_not_of(" \t\r") == std::string::npos;
}

std::vector<std::string> split_columns(const std::string & line, char separator) {
    std::vector<std::string> columns(1);
    for (const char c : line) {
        if (c == separator) {
            columns.emplace_back();
        } else {
            columns.back() += c;
        }
    }
    return columns;
}

std::vector<std::string> split_words(const std::string & line) {
    std::vector<std::string> words;
    for (size_t begin = 0; (begin = line.find_first_not_of(" \t", begin)) != std::string::npos;) {
        const size_t end = std::min(line.find_first_of(" \t", begin), line.size());
        words.push_back(line.substr(begin, end - begin));
        begin = end;
    }
    return words;
}

nlohmann::json parse_json(const std::string & text, const std::string & path, int64_t line) {
    nlohmann::json object =
        parse_json_row<nlohmann::json>(text, [&](const std::string & why) { throw bad_line(path, line, why + "."); });
    if (!object.is_object()) {
        throw bad_line(path, line, "expected a JSON object.");
    }
    return object;
}

std::string json_text(const nlohmann::json & object, const char * key, bool needed, const std::string & path,
                      int64_t line) {
    const auto found = object.find(key);
    if (!needed && (found == object.end() || found->is_null())) {
        return "";
    }
    if (found == object.end() || !found->is_string()) {
        throw bad_line(path, line, std::string("expected a string under \"") + key + "\".");
    }
    return found->get<std::string>();
}

} // namespace magnet
