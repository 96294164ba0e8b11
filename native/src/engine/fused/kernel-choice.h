// Which instruction set this machine runs best.
#pragma once

#include "kernels.h"

#include <string>

namespace magnet::fused {

// The best set this machine can run, or the one named. Throws magnet::error (INVALID_ARGUMENT) with the list of names.
const kernel_set & choose_kernels(const std::string & name);

// Does the CPU have AMX with bf16, and does the system let this process use it? Asks the system for permission.
bool amx_usable();

} // namespace magnet::fused
