// Files of lines: TSV, JSON Lines, prose. Errors name file and line.
#pragma once

#include "error.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace magnet {

// BAD_FILE: "path:line: why".
error bad_line(const std::string & path, int64_t line, const std::string & why);

// Calls use(line, number from 1) for every line of a UTF-8 file, without line break and byte order mark. Throws IO, and
// BAD_FILE for what is no UTF-8.
void for_each_line(const std::string & path, const std::function<void(std::string & line, int64_t number)> & use);

bool ends_with(const std::string & s, const std::string & tail);
bool is_json_lines(const std::string & path); // by its name: .jsonl or .ndjson
bool is_blank(const std::string & s);

// The columns of a line, at least one.
std::vector<std::string> split_columns(const std::string & line, char separator = '\t');

// What stands between white space.
std::vector<std::string> split_words(const std::string & line);

// A line of JSON Lines. Throws BAD_FILE unless it is an object, each of whose fields is there once.
nlohmann::json parse_json(const std::string & text, const std::string & path, int64_t line);

// The string that it has under key; "" where it may be missing.
std::string json_text(const nlohmann::json & object, const char * key, bool needed, const std::string & path,
                      int64_t line);

} // namespace magnet
