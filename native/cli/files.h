#pragma once

#include <string>

namespace magnet_cli {

// Remembers that this command reads the file. "" and "-" are none.
void note_input(const std::string & path);

// A failure if path is a file that this command reads: it would be destroyed.
void check_output(const std::string & path);

} // namespace magnet_cli
