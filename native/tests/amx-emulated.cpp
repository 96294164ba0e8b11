// The AMX kernels on emulated tiles.
#include "amx-emulated.h"

#define MAGNET_VECTOR_WIDTH 4
#define MAGNET_TILE_ROWS    3
#define MAGNET_TILE_VECTORS 4
#define MAGNET_AMX_TILES    "amx-emulated.h"
#include "engine/fused/isa/table.h"

namespace magnet::fused {

const kernel_set * kernel_set_amx_emulated();

const kernel_set * kernel_set_amx_emulated() {
    static constexpr kernel_set set = { "amx-emulated", &bf16_functions, &float_functions };
    return &set;
}

} // namespace magnet::fused
