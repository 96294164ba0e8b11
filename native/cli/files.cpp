#include "files.h"

#include "../src/base/path.h"
#include "error.h"

namespace magnet_cli {

namespace fs = std::filesystem;

static std::vector<std::string> & inputs() {
    static std::vector<std::string> list;
    return list;
}

void note_input(const std::string & path) {
    if (!path.empty()) {
        inputs().push_back(path == "-" ? "/dev/stdin" : path);
    }
}

// Devices and pipes lose nothing.
static bool is_replaced(const std::string & path) {
    std::error_code       failed;
    const fs::file_status status = fs::status(magnet::to_path(path), failed);
    return !path.empty() && path != "-" && (!fs::exists(status) || fs::is_regular_file(status));
}

void check_outputs(const std::vector<std::string> & outputs) {
    for (size_t i = 0; i < outputs.size(); ++i) {
        if (!is_replaced(outputs[i])) {
            continue;
        }
        for (const std::string & input : inputs()) {
            if (magnet::same_file(outputs[i], input)) {
                throw failure(outputs[i] + " is read by this command and would be replaced; name another file to write");
            }
        }
        for (size_t k = 0; k < i; ++k) {
            if (is_replaced(outputs[k]) && magnet::same_file(outputs[i], outputs[k])) {
                throw failure(outputs[i] + " would be written twice; name another file for one of the two outputs");
            }
        }
    }
}

void check_replaceable(const std::string & output, bool overwrite) {
    std::error_code       failed;
    const fs::file_status status = fs::status(magnet::to_path(output), failed);
    if (fs::is_directory(status)) {
        throw failure(output + " is a folder; name a file in it");
    }
    if (!overwrite && fs::exists(status)) {
        throw failure(output + " exists already; name another file, or allow it with --overwrite");
    }
}

} // namespace magnet_cli
