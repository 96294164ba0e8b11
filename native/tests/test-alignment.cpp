// Tensors of a CPU buffer start at cache lines, whatever lies before them.
#include <doctest/doctest.h>

#include "ggml-backend.h"
#include "ggml-cpp.h"
#include "ggml.h"

#include <cstdint>

TEST_CASE("a small tensor does not push those behind it across cache lines") {
    const ggml_context_ptr context(ggml_init({ 16 * ggml_tensor_overhead(), nullptr, true }));
    ggml_tensor *          behind[3];
    for (ggml_tensor *& t : behind) {
        ggml_new_tensor_1d(context.get(), GGML_TYPE_I32, 1);
        t = ggml_new_tensor_1d(context.get(), GGML_TYPE_F32, 48);
    }
    const ggml_backend_buffer_ptr buffer(
        ggml_backend_alloc_ctx_tensors_from_buft(context.get(), ggml_backend_cpu_buffer_type()));
    REQUIRE(buffer);
    for (const ggml_tensor * t : behind) {
        CHECK(reinterpret_cast<uintptr_t>(t->data) % 64 == 0);
    }
}
