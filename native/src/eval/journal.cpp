#include "journal.h"

#include "base/atomic-file.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/lines.h"
#include "base/path.h"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <set>
#include <string_view>

namespace magnet::eval {

namespace {

constexpr const char * kind = "magnet eval";
constexpr std::string_view head = "{\"state\":\"magnet eval\",\"what\":{"; // how a state begins

error io_error(const std::string & path, const char * what) {
    return error(MAGNET_STATUS_IO, "cannot " + std::string(what) + " " + path + ": " + std::strerror(errno) + ".");
}

// The keys whose values are not the same.
std::string differences(const nlohmann::json & a, const nlohmann::json & b) {
    std::set<std::string> keys;
    for (const nlohmann::json * object : {&a, &b}) {
        for (const auto & [key, value] : object->items()) {
            if (a.value(key, nlohmann::json()) != b.value(key, nlohmann::json())) {
                keys.insert(key);
            }
        }
    }
    std::string list;
    for (const std::string & key : keys) {
        list += (list.empty() ? "" : ", ") + key;
    }
    return list;
}

} // namespace

std::string sum_of(const nlohmann::json & line) {
    fnv1a sum;
    sum.add(line.dump());
    char text[17];
    std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(sum.value()));
    return text;
}

journal::journal(const std::string & path, const nlohmann::json & what) : path_(path) {
    if (path_.empty()) {
        return;
    }
    const bool exists = file_exists(path_);
    if (exists && !std::filesystem::is_regular_file(to_path(path_))) {
        throw error(MAGNET_STATUS_IO, "cannot keep a state in " + path_ + ": it is not a file.");
    }
    if (exists) {
        read(what);
    }
    file_ = open_file(path_, "ab");
    if (!file_) {
        throw io_error(path_, "open");
    }
    if (!exists || std::filesystem::file_size(to_path(path_)) == 0) {
        write(nlohmann::json{{"state", kind}, {"what", what}}.dump());
    }
}

journal::~journal() {
    if (file_) {
        std::fclose(file_);
    }
}

void journal::read(const nlohmann::json & what) {
    const std::string text   = read_file(path_);
    const size_t      whole  = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
    int64_t           number = 0;
    const size_t      begun  = std::min(text.size(), head.size());
    const error       not_a_state = bad_line(path_, 1, "not the state of an evaluation; name another file.");
    const bool        cut_off     = begun >= 10 && text.substr(0, begun) == head.substr(0, begun); // is written anew
    if (whole == 0 && !text.empty() && !cut_off) {
        throw not_a_state;
    }
    for (size_t begin = 0; begin < whole;) {
        const size_t      end     = text.find('\n', begin);
        const std::string content = text.substr(begin, end - begin);
        begin                     = end + 1;
        if (++number == 1 && content.substr(0, 1) != "{") {
            throw not_a_state;
        }
        nlohmann::json line = parse_json(content, path_, number);
        if (number == 1) {
            const auto state = line.find("state"), about = line.find("what");
            if (state == line.end() || *state != kind || about == line.end() || !about->is_object()) {
                throw not_a_state;
            }
            const std::string other = differences(*about, what);
            if (!other.empty()) {
                throw error(MAGNET_STATUS_MISMATCH, path_ + " is the state of another evaluation (other: " + other +
                                                        "). Name another file, or remove it.");
            }
            continue;
        }
        const auto item_at = line.find("item"), values = line.find("values");
        if (item_at == line.end() || !item_at->is_string() || values == line.end() || !values->is_array()) {
            throw bad_line(path_, number,
                           "expected \"item\" and \"values\"; remove this line to compute the item again.");
        }
        const nlohmann::json sum = line.value("sum", nlohmann::json());
        line.erase("sum");
        if (sum != sum_of(line)) {
            throw bad_line(path_, number, "it is not what was written (its \"sum\" differs); remove this line to compute the "
                                          "item again.");
        }
        std::vector<double> & item = items_[item_at->get<std::string>()];
        item.clear();
        for (const nlohmann::json & value : *values) {
            if (!value.is_number() && !value.is_null()) {
                throw bad_line(path_, number, "a value is no number; remove this line to compute the item again.");
            }
            item.push_back(value.is_null() ? std::nan("") : value.get<double>());
        }
    }
    if (whole < text.size()) {
        std::filesystem::resize_file(to_path(path_), whole);
    }
}

void journal::write(const std::string & line) {
    if (std::fwrite(line.data(), 1, line.size(), file_) != line.size() || std::fputc('\n', file_) == EOF ||
        std::fflush(file_) != 0) {
        throw io_error(path_, "write");
    }
}

const std::vector<double> * journal::find(const std::string & item) const {
    const auto found = items_.find(item);
    return found == items_.end() ? nullptr : &found->second;
}

void journal::add(const std::string & item, const std::vector<double> & values) {
    if (file_) {
        nlohmann::json line = {{"item", item}, {"values", values}};
        line["sum"]         = sum_of(line);
        write(line.dump());
    }
}

} // namespace magnet::eval
