// Which of the compiled variants of ggml's CPU backend this process uses (cmake/cpu-variants.cmake).
#pragma once

// Its name: "baseline", "avx2", ..., chosen once. Linked only into builds with variants (not MAGNET_NATIVE).
const char * magnet_cpu_variant();
