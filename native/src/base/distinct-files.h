// A file that is written must not be one that is read, nor one that is written already.
#pragma once

#include <string>
#include <vector>

namespace magnet {

// What a call knows a file as ("output", "texts"), and its path; a path "" is no file.
struct named_file {
    std::string name;
    std::string path;
};

// Throws INVALID_ARGUMENT, naming both, if one of the files to write, or the name under which it is written until it is
// whole, is another one of all these files: the same after links, or, where nothing is there yet, under the same name.
void check_distinct(const std::vector<named_file> & reads, const std::vector<named_file> & writes);

} // namespace magnet
