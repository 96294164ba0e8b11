#include "memory.h"

#include "cgroup.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#if defined(__linux__)
#    include <sys/resource.h>
#    include <unistd.h>
#elif defined(_WIN32)
#    define NOMINMAX
#    include <windows.h>
#elif defined(__APPLE__)
#    include <mach/mach.h>
#endif

namespace magnet {

namespace {

constexpr double no_limit = std::numeric_limits<double>::infinity();

double number_in(const std::string & path, double otherwise) {
    std::ifstream file(path);
    double        value = 0;
    return file >> value ? value : otherwise; // "max" is no number
}

// Lines "name value", or "name: value kB".
double entry_in(const std::string & path, const std::string & name, double otherwise) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        std::istringstream in(line);
        std::string        key;
        double             value = 0;
        if (in >> key >> value && key == name) {
            return value;
        }
    }
    return otherwise;
}

double left_in(const std::string & folder) {
    const double limit = number_in(folder + "/memory.max", number_in(folder + "/memory.limit_in_bytes", no_limit));
    if (limit == no_limit) {
        return no_limit;
    }
    const double used  = number_in(folder + "/memory.current", number_in(folder + "/memory.usage_in_bytes", 0));
    const double files = entry_in(folder + "/memory.stat", "inactive_file", 0) +
                         entry_in(folder + "/memory.stat", "active_file", 0);
    return std::max(0.0, limit - used + std::min(files, used));
}

#if defined(__linux__)
double address_space_left() {
    rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return no_limit;
    }
    const double used = number_in("/proc/self/statm", 0) * double(sysconf(_SC_PAGESIZE)); // its first number
    return std::max(0.0, double(limit.rlim_cur) - used);
}
#endif

int64_t to_bytes(double value) {
    return value < 9e18 ? int64_t(value) : std::numeric_limits<int64_t>::max();
}

} // namespace

int64_t cgroup_memory_left(const std::string & membership, const std::string & root) {
    return to_bytes(least_in_cgroups(membership, root, "memory", left_in));
}

int64_t available_memory() {
#if defined(__linux__)
    const double available = entry_in("/proc/meminfo", "MemAvailable:", no_limit) * 1024;
    return std::min({ to_bytes(available), to_bytes(address_space_left()),
                      cgroup_memory_left("/proc/self/cgroup", "/sys/fs/cgroup") });
#elif defined(_WIN32)
    MEMORYSTATUSEX status = {};
    status.dwLength       = sizeof(status);
    // what is promised to programs counts as well: more than that is refused whether it is used or not
    return GlobalMemoryStatusEx(&status) ? int64_t(std::min(status.ullAvailPhys, status.ullAvailPageFile)) :
                                           std::numeric_limits<int64_t>::max();
#elif defined(__APPLE__)
    vm_statistics64_data_t pages;
    mach_msg_type_number_t n    = HOST_VM_INFO64_COUNT;
    const mach_port_t      host = mach_host_self();
    const kern_return_t    got  = host_statistics64(host, HOST_VM_INFO64, reinterpret_cast<host_info64_t>(&pages), &n);
    mach_port_deallocate(mach_task_self(), host);
    return got == KERN_SUCCESS ? (int64_t(pages.free_count) + pages.inactive_count) * int64_t(vm_page_size) :
                                 std::numeric_limits<int64_t>::max();
#else
    return std::numeric_limits<int64_t>::max();
#endif
}

error no_memory_for_cache(int64_t n_tokens, int64_t bytes_per_token, int64_t available) {
    const auto mib = [](int64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; };
    return error(MAGNET_STATUS_OUT_OF_MEMORY,
                 "the keys and values of " + std::to_string(n_tokens) + " tokens take " + mib(n_tokens * bytes_per_token) +
                     " (" + std::to_string(bytes_per_token) + " bytes a token), and " + mib(available) +
                     " are to be had, which is enough for " + std::to_string(available / bytes_per_token) +
                     " tokens. Shorten the text, ask for fewer tokens, or let fewer calls run at a time.");
}

} // namespace magnet
