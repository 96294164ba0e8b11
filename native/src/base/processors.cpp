#include "processors.h"

#include "cgroup.h"
#include "log.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fstream>
#include <limits>
#include <set>
#include <thread>

#if defined(__linux__)
#    include <sched.h>
#endif

namespace magnet {

namespace {

constexpr double no_limit = std::numeric_limits<double>::infinity();

double share_of(double quota, double period) {
    return quota > 0 && period > 0 ? quota / period : no_limit;
}

// Of one control group: cpu.max says "max 100000" or "150000 100000"; version 1 has -1 for max.
double quota_of(const std::string & folder) {
    double        quota = 0, period = 0;
    std::ifstream both(folder + "/cpu.max"); // "max" is no number and leaves quota at 0
    if (both >> quota >> period) {
        return share_of(quota, period);
    }
    std::ifstream quota_file(folder + "/cpu.cfs_quota_us"), period_file(folder + "/cpu.cfs_period_us");
    return quota_file >> quota && period_file >> period ? share_of(quota, period) : no_limit;
}

int32_t within_quota(int32_t n) {
#if defined(__linux__)
    const double quota = std::ceil(cgroup_quota("/proc/self/cgroup", "/sys/fs/cgroup"));
    return quota < n ? std::max(1, (int32_t) quota) : n;
#else
    return n;
#endif
}

} // namespace

double cgroup_quota(const std::string & membership, const std::string & root) {
    return least_in_cgroups(membership, root, "cpu", quota_of);
}

int32_t physical_cores() {
    const int32_t logical = std::max(1u, std::thread::hardware_concurrency());
#if defined(__linux__)
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) { // of more processors than the set holds
        return within_quota(logical);
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
    return within_quota(std::max<int32_t>(1, (int32_t) cores.size()));
#else
    return logical;
#endif
}

int32_t usable_processors() {
    int32_t logical = std::max(1u, std::thread::hardware_concurrency());
#if defined(__linux__)
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
        logical = CPU_COUNT(&allowed);
    }
#endif
    return within_quota(logical);
}

int32_t threads_worth(int32_t n_threads) {
    const int32_t usable = usable_processors();
    if (n_threads <= usable) {
        return n_threads;
    }
    static std::atomic<bool> warned{ false };
    if (!warned.exchange(true)) {
        log_message(MAGNET_LOG_WARN, std::to_string(n_threads) + " threads are asked for, and this process may use " +
                                         std::to_string(usable) + " processors: more threads than that only wait for "
                                         "each other. Leave the number out to get what fits.");
    }
    return usable;
}

} // namespace magnet
