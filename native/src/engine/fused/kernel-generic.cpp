// Any CPU: vectors of four floats, which compilers map to what the base instruction set has.
#define MAGNET_VECTOR_WIDTH 4
#define MAGNET_TILE_ROWS    3
#define MAGNET_TILE_VECTORS 4
#include "engine/fused/isa/table.h"

namespace magnet::fused {

const kernel_set * kernel_set_generic() {
    static constexpr kernel_set set = { "generic", &bf16_functions, &float_functions };
    return &set;
}

} // namespace magnet::fused
