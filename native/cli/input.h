#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "output.h"

namespace CLI {
class App;
}

namespace magnet_cli {

// One thing to work on, and where it came from.
struct record {
    std::string text;   // the text; from JSONL: its field "text", "" if it has others instead
    json        fields; // the JSON object; null unless the input is JSONL

    std::shared_ptr<const std::string> source;   // a file, "standard input" or "argument"
    int64_t                            line = 0; // from 1; 0 = all of the source

    std::string where() const; // "notes.txt:12", for messages
};

// Like check() of one record's work: the message begins with the file and line it came from.
void check(int32_t status, const record & about);

// Like check() of a call on n records: where the library's message names one by its index ("text 3 has …"), it gets the
// file and line of that one instead.
void check(int32_t status, const record * first, size_t n);

// What a file or standard input holds: a text a line, one text, or a JSON object a line.
enum class input_format : int32_t { by_name, lines, whole, jsonl };

// The options that say what to read; every verb that reads text has them.
struct input_options {
    std::vector<std::string> arguments;  // a text, or the name of an existing file, or - for standard input
    std::vector<std::string> texts;      // always a text
    std::vector<std::string> files;      // always a file
    int32_t                  format = 0; // an input_format; by_name: .jsonl and .ndjson, else the verb's own

    // what: the name of the positional argument in the help
    void add_to(CLI::App & verb, const std::string & what, const std::string & description);
};

// What a JSONL record may say what to work on with: the fields of one of these forms, which go together.
using record_forms = std::vector<std::vector<std::string>>;

/*
 * Everything there is to read, in the order arguments, --text, --file; without any of them standard input. Line ends
 * may be \n or \r\n, a byte order mark is left out, empty lines are empty texts. Text that is no UTF-8, a file that
 * cannot be read, more than 2 GiB of it, a line that is no JSON object, and one that has no field of the forms that the verb
 * reads, or fields of two of them, are failures that name file and line.
 */
std::vector<record> read_input(const input_options & options, input_format fallback,
                               const record_forms & forms = {{"text"}});

// A failure if this is a JSONL record without any field of these forms, or with fields of two of them.
void expect_form(const record & from, const record_forms & forms);

// Has a JSONL record this field? A null is none.
bool has_field(const record & from, const std::string & name);

// A string field of a JSONL record, or fallback if it is not there; a failure if it is something else than a string.
std::string field(const record & from, const char * name, const std::string & fallback = "");

struct file_kind {
    std::string name; // "a schema", for messages
    size_t      most_bytes;
};

// All of a file; "-" = standard input. One of more bytes is a failure.
std::string read_file(const std::string & path, const file_kind & kind);

// The same of a file that must hold something, no NUL, and at most 1 MiB. what: "a schema", for messages.
std::string read_content(const std::string & path, const std::string & what);

} // namespace magnet_cli
