#include "kernels.h"

namespace magnet::fused {
const kernel_set * kernel_set_neon() { return nullptr; }
} // namespace magnet::fused
