// AVX512_BF16 (Zen 4, Cooper Lake, Sapphire Rapids): vdpbf16ps multiplies pairs of bf16 and adds them to floats.
#include "kernels.h"

#if defined(__AVX512BF16__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#    define MAGNET_VECTOR_WIDTH 16
#    define MAGNET_TILE_ROWS    12
#    define MAGNET_TILE_VECTORS 2
#    define MAGNET_DOT_BF16
#    include "engine/fused/isa/table.h"

namespace magnet::fused {

const kernel_set * kernel_set_avx512bf16() {
    static constexpr kernel_set set = { "avx512bf16", &bf16_functions, &float_functions };
    return &set;
}

} // namespace magnet::fused

#else

namespace magnet::fused {
const kernel_set * kernel_set_avx512bf16() { return nullptr; }
} // namespace magnet::fused

#endif
