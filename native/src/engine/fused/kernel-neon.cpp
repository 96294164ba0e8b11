// 64-bit ARM: 24 accumulators of four floats, bf16 widened on the way into registers.
#include "kernels.h"

#if defined(__aarch64__)
#    define MAGNET_VECTOR_WIDTH 4
#    define MAGNET_TILE_ROWS    6
#    define MAGNET_TILE_VECTORS 4
#    include "engine/fused/isa/table.h"

namespace magnet::fused {

const kernel_set * kernel_set_neon() {
    static constexpr kernel_set set = { "neon", &bf16_functions, &float_functions };
    return &set;
}

} // namespace magnet::fused

#else

namespace magnet::fused {
const kernel_set * kernel_set_neon() { return nullptr; }
} // namespace magnet::fused

#endif
