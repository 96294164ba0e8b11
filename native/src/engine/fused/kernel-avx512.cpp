// AVX512 without bf16 products: 24 accumulators of sixteen floats, bf16 widened on the way into registers.
#include "kernels.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#    define MAGNET_VECTOR_WIDTH 16
#    define MAGNET_TILE_ROWS    12
#    define MAGNET_TILE_VECTORS 2
#    include "engine/fused/isa/table.h"

namespace magnet::fused {

const kernel_set * kernel_set_avx512() {
    static constexpr kernel_set set = { "avx512", &bf16_functions, &float_functions };
    return &set;
}

} // namespace magnet::fused

#else

namespace magnet::fused {
const kernel_set * kernel_set_avx512() { return nullptr; }
} // namespace magnet::fused

#endif
