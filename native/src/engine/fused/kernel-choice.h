// Which instruction set this machine runs best.
#pragma once

#include "kernels.h"

#include <string>

namespace magnet::fused {

// The best set this machine can run, or the one named. Throws magnet::error (INVALID_ARGUMENT) with the list of names.
const kernel_set & choose_kernels(const std::string & name);

} // namespace magnet::fused
