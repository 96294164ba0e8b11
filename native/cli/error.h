#pragma once

#include <stdexcept>
#include <string>

namespace magnet_cli {

// The work could not be done: one line on stderr, exit status 1.
struct failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// The command line makes no sense: the line and a hint at --help, exit status 2.
struct usage_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Nobody reads our standard output any more (`magnet … | head -1`): stop quietly, exit status 0.
struct reader_gone {};

} // namespace magnet_cli
