// AMX with bf16 (Sapphire Rapids and later), AVX512_BF16 for everything around the tiles.
#include "kernel-choice.h"

#if defined(__linux__) && defined(__AVX512BF16__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#    define MAGNET_VECTOR_WIDTH 16
#    define MAGNET_TILE_ROWS    12
#    define MAGNET_TILE_VECTORS 2
#    define MAGNET_DOT_BF16
#    define MAGNET_AMX_TILES "amx-hardware.h"
#    include "engine/fused/isa/table.h"

#    include <sys/syscall.h>
#    include <unistd.h>

namespace magnet::fused {

const kernel_set * kernel_set_amx() {
    static constexpr kernel_set set = { "amx", &bf16_functions, &float_functions, { 512, 512 }, { 256, 256 }, 8 };
    return &set;
}

// The kernel saves 8 KiB more per thread once a process uses tiles, and wants to be asked (Linux, Documentation/x86/xstate).
bool amx_usable() {
    constexpr int request_permission = 0x1023; // ARCH_REQ_XCOMP_PERM
    constexpr int tile_data          = 18;     // XFEATURE_XTILEDATA
    return __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-bf16") &&
           syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

} // namespace magnet::fused

#else

namespace magnet::fused {
const kernel_set * kernel_set_amx() { return nullptr; }
bool               amx_usable() { return false; }
} // namespace magnet::fused

#endif
