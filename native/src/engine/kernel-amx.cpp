#include "kernel-choice.h"

namespace magnet::fused {
const kernel_set * kernel_set_amx() { return nullptr; }
bool amx_usable() { return false; }
} // namespace magnet::fused
