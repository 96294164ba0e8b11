// How threads divide a piece of work. On its own because kernels read it that are compiled for other instruction sets.
#pragma once

#include <cstdint>

namespace magnet {

// Which share of a call's work the calling thread takes: thread `rank` of `size`. Shares are disjoint.
struct share {
    int32_t rank = 0;
    int32_t size = 1;
};

} // namespace magnet
