// How many threads are worth having: of the processors that there are, this process may be bound to a few (affinity), or
// be given a share of their time (cgroups, as containers are).
#pragma once

#include <cstdint>
#include <string>

namespace magnet {

// Physical cores that this process may use, at least 1.
int32_t physical_cores();

// Why it is that many, in words: "2 cores of 4 processors".
std::string why_physical_cores();

// Processors that it may use, two for a core with two hardware threads; at least 1.
int32_t usable_processors();

// n_threads, or usable_processors() if that is less: for what spins at barriers, where each thread more than there are
// processors only keeps the others waiting. The first time that it is less, the log warns.
int32_t threads_worth(int32_t n_threads);

// Processors' worth of time that the control groups listed in the file membership (/proc/self/cgroup) grant, version 1
// and 2, their hierarchies mounted at root (/sys/fs/cgroup); infinity where nothing limits it.
double cgroup_quota(const std::string & membership, const std::string & root);

} // namespace magnet
