// What systems do differently, beside signals (interrupt.cpp) and terminals (terminal.cpp). Paths are base/path.h's.
#pragma once

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

namespace magnet_cli {

// Once, at the start: text is UTF-8, and standard streams carry bytes as they are. Returns the arguments in UTF-8.
std::vector<std::string> start_process(int argc, char ** argv);

// As mkstemp(): path ends in XXXXXX and becomes the name of a new file. Returns its descriptor, or -1 and errno.
int create_temporary(std::string & path);

// A stream on that descriptor. The file gets the permissions of the one that it will replace, or those of any new file.
// NULL and errno if that fails; the descriptor stays open then.
std::FILE * open_temporary(int fd, const std::filesystem::file_status & replaced);

void close_descriptor(int fd);

} // namespace magnet_cli
