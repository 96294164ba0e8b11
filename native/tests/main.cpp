#include "gpu.h"

#include "llama.h"

#define DOCTEST_CONFIG_TREAT_CHAR_STAR_AS_STRING
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

int main(int argc, char ** argv) {
    if (magnet::testing::gpu_layers() != 0 && !llama_supports_gpu_offload()) {
        std::puts("skipped: MAGNET_TEST_GPU_LAYERS is set, and there is no GPU");
        return 77; // ctest's SKIP_RETURN_CODE
    }
    return doctest::Context(argc, argv).run();
}
