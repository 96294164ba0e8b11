#include "processors.h"

#include "cgroup.h"
#include "log.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
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

double quota_here() {
#if defined(__linux__)
    return cgroup_quota("/proc/self/cgroup", "/sys/fs/cgroup");
#else
    return no_limit;
#endif
}

int32_t within_quota(int32_t n) {
    const double quota = std::ceil(quota_here());
    return quota < n ? std::max(1, (int32_t) quota) : n;
}

// Of the processors that this process may be scheduled on, whatever share of their time it gets.
int32_t cores_allowed() {
    const int32_t logical = std::max(1u, std::thread::hardware_concurrency());
#if defined(__linux__)
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) { // of more processors than the set holds
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

int32_t processors_allowed() {
#if defined(__linux__)
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
        return CPU_COUNT(&allowed);
    }
#endif
    return std::max(1u, std::thread::hardware_concurrency());
}

std::string counted(int32_t n, const char * what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

} // namespace

double cgroup_quota(const std::string & membership, const std::string & root) {
    return least_in_cgroups(membership, root, "cpu", quota_of);
}

int32_t physical_cores() {
    return within_quota(cores_allowed());
}

std::string why_physical_cores() {
    const int32_t cores = cores_allowed(), allowed = processors_allowed();
    const int32_t there = std::max(1u, std::thread::hardware_concurrency());
    std::string   text  = counted(cores, "core") + " of " + counted(allowed, "processor");
    if (allowed < there) {
        text += " (this process may use no more of the " + std::to_string(there) + ")";
    }
    if (within_quota(cores) < cores) {
        char share[32];
        std::snprintf(share, sizeof share, "%.2g", quota_here());
        text += ", and its control group grants the time of " + std::string(share);
    }
    return text;
}

int32_t usable_processors() {
    return within_quota(processors_allowed());
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
