// AVX2 and FMA: 12 accumulators of eight floats, bf16 widened on the way into registers.
#include "kernels.h"

#if defined(__AVX2__) && defined(__FMA__)
#    define MAGNET_VECTOR_WIDTH 8
#    define MAGNET_TILE_ROWS    6
#    define MAGNET_TILE_VECTORS 2
#    include "engine/fused/isa/table.h"

namespace magnet::fused {

const kernel_set * kernel_set_avx2() {
    static constexpr kernel_set set = { "avx2", &bf16_functions, &float_functions, true };
    return &set;
}

} // namespace magnet::fused

#else

namespace magnet::fused {
const kernel_set * kernel_set_avx2() { return nullptr; }
} // namespace magnet::fused

#endif
