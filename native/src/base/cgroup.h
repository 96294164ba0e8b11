// Limits that control groups set, as containers do: version 1 and 2.
#pragma once

#include <functional>
#include <string>

namespace magnet {

// Least of what `limit` reads from the folders of the groups listed in the file membership (/proc/self/cgroup), and of those
// around them, their hierarchies mounted at root (/sys/fs/cgroup). controller: "cpu", "memory". Infinity where there is none.
double least_in_cgroups(const std::string & membership, const std::string & root, const std::string & controller,
                        const std::function<double(const std::string & folder)> & limit);

} // namespace magnet
