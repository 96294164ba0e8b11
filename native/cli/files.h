#pragma once

#include <string>
#include <vector>

namespace magnet_cli {

// Remembers that this command reads the file; "-" is standard input, "" is none.
void note_input(const std::string & path);

// A failure if one of the outputs is a file that this command reads, or if two of them are one file: something would be
// lost. "" and "-" are none.
void check_outputs(const std::vector<std::string> & outputs);

// A failure if the output is a folder, or exists and may not be replaced.
void check_replaceable(const std::string & output, bool overwrite);

} // namespace magnet_cli
