#include "catalogue.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "../src/base/file-marks.h"
#include "../src/base/path.h"
#include "error.h"
#include "models-properties.h" // generated: the resource of the Java module
#include "terminal.h"

namespace magnet_cli {

namespace fs = std::filesystem;

static std::string variable(const char * name) {
    const char * value = std::getenv(name);
    return value != nullptr ? value : "";
}

// What Java calls user.home.
#ifdef _WIN32
static constexpr const char * home_variable = "USERPROFILE";
#else
static constexpr const char * home_variable = "HOME";
#endif

fs::path model_cache() {
    if (const std::string cache = variable("MAGNET_CACHE"); !cache.empty()) {
        return magnet::to_path(cache) / "models";
    }
    const std::string home   = variable("XDG_CACHE_HOME");
    const fs::path    parent = home.empty() ? magnet::to_path(variable(home_variable)) / ".cache" : magnet::to_path(home);
    return parent / "magnet" / "models";
}

static std::string trimmed(const std::string & text) {
    const size_t first = text.find_first_not_of(" \t\r");
    return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

using fields_of_models = std::map<std::string, std::map<std::string, std::string>>;

// Lines "name.field=value" of Java's properties, without their escapes, which no field needs.
static fields_of_models parse(std::istream & in, const std::string & source) {
    fields_of_models models;
    std::string      line;
    for (int number = 1; std::getline(in, line); ++number) {
        line = trimmed(line);
        if (line.empty() || line[0] == '#' || line[0] == '!') {
            continue;
        }
        const size_t      equals = line.find('=');
        const std::string key    = trimmed(line.substr(0, equals));
        const size_t      dot    = key.rfind('.');
        if (equals == std::string::npos || dot == std::string::npos || dot == 0 ||
            line.find('\\') != std::string::npos) {
            throw failure(source + ":" + std::to_string(number) + ": " + quote(shorten(line, 40)) +
                          " is no line \"name.field=value\"");
        }
        models[key.substr(0, dot)][key.substr(dot + 1)] = trimmed(line.substr(equals + 1));
    }
    return models;
}

static known_model checked_model(const std::string & name, std::map<std::string, std::string> & fields,
                                 const std::string & source) {
    for (char & digit : fields["sha256"]) {
        digit = (char)std::tolower((unsigned char)digit);
    }
    known_model model{name, fields["file"], 0, fields["sha256"], fields["licence"], fields["adapter-of"]};
    const auto  require = [&](bool ok, const char * field, const char * needed) {
        if (!ok) {
            throw failure(source + ": " + name + "." + field + " is " + quote(shorten(fields[field], 40)) + "; " +
                           needed + " needed");
        }
    };
    const std::string & bytes = fields["bytes"];
    const auto          read  = std::from_chars(bytes.data(), bytes.data() + bytes.size(), model.bytes);
    require(!model.file.empty() && model.file[0] != '.' && model.file.find('/') == std::string::npos, "file",
            "a plain file name is");
    require(read.ec == std::errc() && read.ptr == bytes.data() + bytes.size() && model.bytes >= 0, "bytes",
            "the file's size is");
    require(model.sha256.size() == 64 && model.sha256.find_first_not_of("0123456789abcdef") == std::string::npos,
            "sha256", "64 hexadecimal digits are");
    require(!model.licence.empty(), "licence", "a licence is");
    return model;
}

std::vector<known_model> read_catalogue(const fs::path & cache) {
    std::map<std::string, known_model> models;
    const auto                         add = [&](std::istream & in, const std::string & source) {
        for (auto & [name, fields] : parse(in, source)) {
            if (fields.count("file") > 0) { // as Java: what has none is no entry
                models[name] = checked_model(name, fields, source);
            }
        }
    };
    std::istringstream built_in(models_properties);
    add(built_in, "models.properties of this program");
    const fs::path own = cache / "models.properties";
    if (fs::is_regular_file(own)) {
        std::ifstream in(own);
        if (!in) {
            throw failure("cannot read " + magnet::to_utf8(own));
        }
        add(in, magnet::to_utf8(own));
    }
    std::vector<known_model> list;
    std::transform(models.begin(), models.end(), std::back_inserter(list), [](auto & entry) { return entry.second; });
    return list;
}

std::string path_of(const known_model & model, const fs::path & cache) {
    return magnet::to_utf8(cache / magnet::to_path(model.file));
}

cached state_of(const known_model & model, const fs::path & cache) {
    const std::string  path = path_of(model, cache);
    magnet::file_marks marks;
    if (!fs::is_regular_file(magnet::to_path(path)) || !magnet::look_at_file(path, marks)) {
        return cached::no;
    }
    const auto & [volume, number, bytes, seconds, nanoseconds] = marks;
    if (bytes != model.bytes) {
        return cached::wrong_size;
    }
    // what dev.magnet.Models notes beside a file that it has hashed: hash, size, time of change in milliseconds
    const int64_t changed = seconds * 1000 + nanoseconds / 1000000;
    std::ifstream note(magnet::to_path(path + ".checked"));
    std::string   line;
    std::getline(note, line);
    return line == model.sha256 + " " + std::to_string(model.bytes) + " " + std::to_string(changed) ? cached::checked
                                                                                                    : cached::unchecked;
}

} // namespace magnet_cli
