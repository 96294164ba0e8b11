#pragma once

#include <string>
#include <vector>

#include "magnet.h"

namespace CLI {
class App;
}

namespace magnet_cli {

// The options that say what a FIM prompt tells beside the text around a gap, for infill and score.
struct fim_options {
    std::string              repository, path;
    std::vector<std::string> extra; // files

    void add_to(CLI::App & verb);

    // Reads the files. What is returned borrows from this.
    magnet_fim_params apply();

private:
    std::vector<std::string>     texts;
    std::vector<magnet_fim_file> files;
};

} // namespace magnet_cli
