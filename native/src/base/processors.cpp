#include "processors.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <thread>

#if defined(__linux__)
#    include <sched.h>
#endif

namespace magnet {

int32_t physical_cores() {
    const int32_t logical = std::max(1u, std::thread::hardware_concurrency());
#if defined(__linux__)
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
        return logical;
    }
    // processors of one core name the same siblings
    std::set<std::string> cores;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &allowed)) {
            continue;
        }
        std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
        std::string   siblings;
        if (!std::getline(file, siblings)) {
            siblings = std::to_string(cpu);
        }
        cores.insert(siblings);
    }
    return std::max<int32_t>(1, (int32_t) cores.size());
#else
    return logical;
#endif
}

} // namespace magnet
