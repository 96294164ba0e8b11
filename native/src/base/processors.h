#pragma once

#include <cstdint>

namespace magnet {

// Physical cores that this process may run on, at least 1.
int32_t physical_cores();

} // namespace magnet
