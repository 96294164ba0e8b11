// 64-bit ARM with products of four bytes (ARMv8.2 and its DotProd: since Cortex-A76, Graviton2, Apple's first), which are four
// times as many a cycle as those of floats.
#include "kernels.h"

#if defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)
#    define MAGNET_VECTOR_WIDTH 4
#    define MAGNET_TILE_ROWS    6
#    define MAGNET_TILE_VECTORS 4
#    include "engine/fused/isa/table.h"

namespace magnet::fused {

const kernel_set * kernel_set_dotprod() {
    static constexpr kernel_set set = { "dotprod", &bf16_functions, &float_functions, true };
    return &set;
}

} // namespace magnet::fused

#else

namespace magnet::fused {
const kernel_set * kernel_set_dotprod() { return nullptr; }
} // namespace magnet::fused

#endif
