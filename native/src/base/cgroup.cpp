#include "cgroup.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>

namespace magnet {

namespace {

// Of a group and those around it. A container may not see its own path, but then its limit is at the root.
double least_upwards(const std::string & root, std::string path, const std::function<double(const std::string &)> & limit) {
    double least = std::numeric_limits<double>::infinity();
    while (true) {
        least            = std::min(least, limit(root + path));
        const size_t cut = path.rfind('/');
        if (cut == std::string::npos) {
            return least;
        }
        path.resize(cut);
    }
}

} // namespace

double least_in_cgroups(const std::string & membership, const std::string & root, const std::string & controller,
                        const std::function<double(const std::string & folder)> & limit) {
    std::ifstream file(membership);
    double        least = std::numeric_limits<double>::infinity();
    for (std::string line; std::getline(file, line);) { // "4:cpu,cpuacct:/a/b", or "0::/a/b" in version 2
        const size_t first = line.find(':'), second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) {
            continue;
        }
        const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
        if (controllers.empty()) {
            least = std::min(least, least_upwards(root, path, limit));
        }
        std::istringstream names(controllers);
        for (std::string name; std::getline(names, name, ',');) {
            if (name == controller) { // the folder has the name of the list, or of one in it
                least = std::min({ least, least_upwards(root + "/" + controller, path, limit),
                                   least_upwards(root + "/" + controllers, path, limit) });
            }
        }
    }
    return least;
}

} // namespace magnet
