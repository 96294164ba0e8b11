#include "input.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <regex>

#include <unistd.h>

#include "../src/base/json-row.h"
#include "../src/base/path.h"
#include "error.h"
#include "files.h"
#include "model.h"
#include "option-words.h"
#include "magnet.h"
#include "options.h"
#include "terminal.h"

namespace magnet_cli {

static const names & input_format_names() {
    static const names table{{"lines", static_cast<int32_t>(input_format::lines)},
                             {"whole", static_cast<int32_t>(input_format::whole)},
                             {"jsonl", static_cast<int32_t>(input_format::jsonl)}};
    return table;
}

std::string record::where() const {
    return line > 0 ? *source + ":" + std::to_string(line) : *source;
}

// An argument is before the eyes of whoever typed it.
static std::string prefix(const record & about) {
    return about.source->compare(0, 9, "argument ") == 0 ? "" : about.where() + ": ";
}

void check(int32_t status, const record & about) {
    check(status, prefix(about));
}

void check(int32_t status, const record * first, size_t n) {
    if (status == MAGNET_STATUS_OK) {
        return;
    }
    static const std::regex by_index("^(text|item) ([0-9]{1,9})(: )?"); // "text 3 has …", "item 3: the text needs …"
    const std::string       message = in_option_words(magnet_last_error());
    std::smatch             found;
    if (std::regex_search(message, found, by_index)) {
        const size_t i = std::stoul(found[2]);
        if (i < n) {
            const std::string place = n == 1 ? prefix(*first) : first[i].where() + ": ";
            throw failure(place + (found[3].matched ? "" : "the text") + found.suffix().str());
        }
    }
    check(status);
}

void input_options::add_to(CLI::App & verb, const std::string & what, const std::string & description) {
    verb.add_option(what, arguments, description)->type_name("...");
    option_group group(verb, "Input");
    group.list("--text", texts, "TEXT", "a text, never taken for the name of a file; may be repeated");
    group.list("-f,--file", files, "FILE", "a file to read, - = standard input; may be repeated");
    group.choice("--input-format", format, input_format_names(),
                 "what files hold (default: jsonl if named .jsonl or .ndjson)");
}

static bool is_file(const std::string & argument) {
    std::error_code failed; // a text may be longer than a name can be
    const auto      status = std::filesystem::status(magnet::to_path(argument), failed);
    return std::filesystem::exists(status) && !std::filesystem::is_directory(status);
}

static std::string size_name(size_t bytes) {
    const size_t mebibytes = (bytes + (1 << 20) - 1) >> 20;
    return mebibytes < 1024 ? std::to_string(mebibytes) + " MiB" : std::to_string(mebibytes >> 10) + " GiB";
}

std::string read_file(const std::string & path, const file_kind & kind) {
    const bool standard = path == "-";
    note_input(path);
    if (standard && is_terminal(STDIN_FILENO)) {
        std::fputs("reading from the terminal; Ctrl-D ends the text\n", stderr);
    }
    const std::unique_ptr<std::FILE, void (*)(std::FILE *)> file(standard ? stdin : magnet::open_file(path, "rb"),
                                                                 [](std::FILE * f) { f != stdin ? (void) std::fclose(f) : (void) 0; });
    if (file == nullptr) {
        throw failure(path + ": cannot open: " + std::strerror(errno));
    }
    const std::string name = standard ? "standard input" : path;
    std::string       content;
    char              buffer[1 << 16];
    for (size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, file.get())) > 0;) {
        content.append(buffer, n);
        if (content.size() > kind.most_bytes) { // a device may have no end
            throw failure(name + ": has more than " + size_name(kind.most_bytes) + ", the most that is read of " + kind.name);
        }
    }
    if (std::ferror(file.get()) != 0) {
        throw failure(name + ": cannot read: " + std::strerror(errno));
    }
    if (content.compare(0, 3, "\xEF\xBB\xBF") == 0) {
        content.erase(0, 3);
    }
    return content;
}

std::string read_content(const std::string & path, const std::string & what) {
    std::string content = read_file(path, {what, size_t{1} << 20});
    if (content.empty()) {
        throw failure(path + ": the file is empty, and " + what + " cannot be empty");
    }
    if (content.find('\0') != std::string::npos) {
        throw failure(path + ": holds a NUL character, which " + what + " cannot hold");
    }
    return content;
}

static void check_text(const record & item) {
    const size_t bad = find_invalid_utf8(item.text);
    if (bad != std::string::npos) {
        char byte[8];
        std::snprintf(byte, sizeof byte, "0x%02X", static_cast<unsigned char>(item.text[bad]));
        throw failure(item.where() + ": not UTF-8: byte " + byte + " at offset " + std::to_string(bad) +
                      "; convert it first, as with iconv -t UTF-8");
    }
}

bool has_field(const record & from, const std::string & name) {
    const auto found = from.fields.find(name); // of no object: none
    return found != from.fields.end() && !found->is_null();
}

void expect_form(const record & from, const record_forms & forms) {
    std::string                      known, first;
    const std::vector<std::string> * form_of_first = nullptr;
    for (const std::vector<std::string> & form : forms) {
        for (const std::string & name : form) {
            known += (known.empty() ? "" : ", ") + quote(name);
            if (!has_field(from, name)) {
                continue;
            }
            if (form_of_first && form_of_first != &form) { // one of the two would be lost
                throw failure(from.where() + ": both " + quote(first) + " and " + quote(name) +
                              " say what to work on; leave one of them out");
            }
            first         = name;
            form_of_first = &form;
        }
    }
    if (from.fields.is_object() && !form_of_first) {
        const bool several = forms.size() > 1 || forms[0].size() > 1;
        throw failure(from.where() + ": expected a field " + known + (several ? " (one of them)" : ""));
    }
}

static void parse_object(record & item, const record_forms & forms) {
    item.fields = magnet::parse_json_row<json>(
        item.text, [&](const std::string & why) { throw failure(item.where() + ": " + why); });
    if (!item.fields.is_object()) {
        throw failure(item.where() + ": expected a JSON object, such as {\"text\": \"…\"}");
    }
    expect_form(item, forms);
    item.text = field(item, "text");
}

std::string field(const record & from, const char * name, const std::string & fallback) {
    if (!has_field(from, name)) {
        return fallback;
    }
    const json & value = from.fields[name];
    if (!value.is_string()) {
        throw failure(from.where() + ": field \"" + name + "\" must be a string");
    }
    return value.get<std::string>();
}

static void read_source(std::vector<record> & out, const std::string & path, const input_options & options,
                        input_format fallback, const record_forms & forms) {
    const std::string content   = read_file(path, {"a file of texts; split it", INT_MAX});
    const auto        source    = std::make_shared<const std::string>(path == "-" ? "standard input" : path);
    const std::string extension = magnet::to_utf8(magnet::to_path(path).extension());
    auto              format    = static_cast<input_format>(options.format);
    if (format == input_format::by_name) {
        format = extension == ".jsonl" || extension == ".ndjson" ? input_format::jsonl : fallback;
    }
    if (format == input_format::whole) {
        record item{content, nullptr, source, 0};
        // The newline that ends a file is no part of its text.
        for (const char end : {'\n', '\r'}) {
            if (!item.text.empty() && item.text.back() == end) {
                item.text.pop_back();
            }
        }
        check_text(item);
        out.push_back(std::move(item));
        return;
    }
    int64_t line = 0;
    for (size_t begin = 0; begin < content.size();) {
        size_t end = content.find('\n', begin);
        end        = end == std::string::npos ? content.size() : end;
        record item{content.substr(begin, end - begin), nullptr, source, ++line};
        begin = end + 1;
        if (!item.text.empty() && item.text.back() == '\r') {
            item.text.pop_back();
        }
        check_text(item);
        if (format == input_format::jsonl) {
            if (item.text.find_first_not_of(" \t") == std::string::npos) {
                continue;
            }
            parse_object(item, forms);
        }
        out.push_back(std::move(item));
    }
}

std::vector<record> read_input(const input_options & options, input_format fallback, const record_forms & forms) {
    std::vector<record> out;
    const auto          add_text = [&](const std::string & text) {
        record item{text, nullptr, std::make_shared<const std::string>("argument " + quote(shorten(text, 40))), 0};
        check_text(item);
        out.push_back(std::move(item));
    };
    for (const std::string & argument : options.arguments) {
        if (argument == "-" || is_file(argument)) {
            read_source(out, argument, options, fallback, forms);
        } else {
            add_text(argument);
        }
    }
    for (const std::string & text : options.texts) {
        add_text(text);
    }
    for (const std::string & file : options.files) {
        read_source(out, file, options, fallback, forms);
    }
    if (options.arguments.empty() && options.texts.empty() && options.files.empty()) {
        read_source(out, "-", options, fallback, forms);
    }
    return out;
}

} // namespace magnet_cli
