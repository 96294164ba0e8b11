// Where tests put the layers of their models.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace magnet::testing {

// MAGNET_TEST_GPU_LAYERS: so many layers on a GPU, -1 = all; 0 where it is not set. With layers asked for and no GPU,
// main.cpp skips the whole program.
inline int32_t gpu_layers() {
    const char * n = std::getenv("MAGNET_TEST_GPU_LAYERS");
    return n ? (int32_t) std::atoi(n) : 0;
}

} // namespace magnet::testing
