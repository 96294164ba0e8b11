#include "files.h"

#include <filesystem>
#include <vector>

#include "error.h"

namespace magnet_cli {

static std::vector<std::string> & inputs() {
    static std::vector<std::string> list;
    return list;
}

void note_input(const std::string & path) {
    if (!path.empty() && path != "-") {
        inputs().push_back(path);
    }
}

void check_output(const std::string & path) {
    for (const std::string & input : inputs()) {
        std::error_code failed;
        if (std::filesystem::is_regular_file(path, failed) && std::filesystem::equivalent(path, input, failed)) {
            throw failure(path + " is read by this command and would be replaced; name another file to write");
        }
    }
}

} // namespace magnet_cli
