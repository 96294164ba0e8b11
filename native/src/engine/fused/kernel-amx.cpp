// AMX with bf16 (Sapphire Rapids and later), AVX512_BF16 for everything around the tiles.
#include "kernels.h"

#if defined(__linux__) && defined(__AVX512BF16__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#    define MAGNET_VECTOR_WIDTH 16
#    define MAGNET_TILE_ROWS    12
#    define MAGNET_TILE_VECTORS 2
#    define MAGNET_DOT_BF16
#    define MAGNET_AMX_TILES "amx-hardware.h"
#    include "engine/fused/isa/table.h"

namespace magnet::fused {

const kernel_set * kernel_set_amx() {
    static constexpr kernel_set set = { "amx", &bf16_functions, &float_functions, false, { 512, 512 }, { 256, 256 }, 8 };
    return &set;
}

} // namespace magnet::fused

#else

namespace magnet::fused {
const kernel_set * kernel_set_amx() { return nullptr; }
} // namespace magnet::fused

#endif
