// How much memory this process may still take.
#pragma once

#include "error.h"

#include <cstdint>
#include <string>

namespace magnet {

// Bytes that can be had without making others swap: what the kernel says is available, within the limits of the control
// groups and of the address space that this process is bound to. The largest int64_t where nothing tells.
int64_t available_memory();

// The same of the control groups listed in the file membership (/proc/self/cgroup), version 1 and 2, their hierarchies
// mounted at root (/sys/fs/cgroup): what the tightest of them leaves. Files in its page cache count as free.
int64_t cgroup_memory_left(const std::string & membership, const std::string & root);

// OUT_OF_MEMORY for the keys and values of so many tokens: what they take, and what there is.
error no_memory_for_cache(int64_t n_tokens, int64_t bytes_per_token, int64_t available);

} // namespace magnet
