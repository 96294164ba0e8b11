// Paths are UTF-8 in MAGNET, whatever the system calls its files.
#pragma once

#include <cstdio>
#include <filesystem>
#include <string>

namespace magnet {

// For std::filesystem and streams, and back.
std::filesystem::path to_path(const std::string & utf8);
std::string           to_utf8(const std::filesystem::path & path);

// Where opening the path would lead: links followed, be there something or not.
std::filesystem::path target_of(const std::string & path);
bool                  same_file(const std::string & a, const std::string & b); // after links, or under the same name

// As fopen(), remove() and rename(), which replaces what is at `to`: NULL or false, and errno.
std::FILE * open_file(const std::string & path, const char * mode);
bool        remove_file(const std::string & path);
bool        replace_file(const std::string & from, const std::string & to);

// Where a file is written until it is whole: beside what the path leads to, with ".tmp" behind its name, or ".tmp2" and so on
// where something has that name.
std::string unfinished_name(const std::string & path);

// Hands what was written to the disk; false and errno if it does not get there.
bool sync_file(std::FILE * file);

} // namespace magnet
