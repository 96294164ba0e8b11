// Memory as the system counts it.
#pragma once

#include <cstdint>

namespace magnet {

// Most bytes that this process has had in memory so far; 0 if the system does not say.
int64_t peak_memory();

} // namespace magnet
