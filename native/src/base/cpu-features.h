// What the processor has, and the system lets programs use.
#pragma once

#include <string>

namespace magnet {

struct cpu_features {
    // x86-64
    bool avx2          = false; // with FMA, F16C and BMI2
    bool avx_vnni      = false; // without AVX-512, as on processors for desktops
    bool avx512        = false; // F, BW, CD, DQ and VL
    bool avx512_vnni   = false;
    bool avx512_bf16   = false;
    bool avx512_fp16   = false;
    bool amx           = false; // tiles, int8 and bf16; see amx_permitted()
    // 64-bit ARM
    bool dotprod = false; // with arithmetic in half precision
    bool i8mm    = false;
    bool sve     = false;
};

// Asked once. Safe from any thread.
const cpu_features & this_cpu();

// May this process use AMX tiles? Linux wants to be asked, and saves 8 KiB more a thread from then on.
bool amx_permitted();

// The features by their names, "avx2 avx512 ...", best last; "" where the architecture has none of them.
std::string feature_names(const cpu_features & cpu);

// What the processor calls itself; "" if it does not.
std::string cpu_name();

} // namespace magnet
