// Products with quantised weights in AMX tiles, against double precision: without its patch llama.cpp, compiled with
// GCC 12, dies here. Runs in a child process, so that dying is a failure of the test. Where there is no AMX it checks
// the plain products and then skips itself.
#include <doctest/doctest.h>

#include "ggml-backend.h"
#include "ggml-cpu.h"
#include "ggml.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#ifndef _WIN32
#    include <sys/wait.h>
#    include <unistd.h>
#endif

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace {

using context_ptr = std::unique_ptr<ggml_context, decltype(&ggml_free)>;
using backend_ptr = std::unique_ptr<ggml_backend, decltype(&ggml_backend_free)>;
using buffer_ptr  = std::unique_ptr<ggml_backend_buffer, decltype(&ggml_backend_buffer_free)>;

bool cpu_has_amx() {
#if defined(__x86_64__)
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 24 & 1) && (d >> 25 & 1); // tiles, int8 products
#else
    return false;
#endif
}

// NULL if ggml was built without it, or the kernel does not grant it.
ggml_backend_buffer_type_t amx_buffer_type() {
    ggml_backend_dev_t dev  = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    const auto         list = (ggml_backend_dev_get_extra_bufts_t)ggml_backend_reg_get_proc_address(
                ggml_backend_dev_backend_reg(dev), "ggml_backend_dev_get_extra_bufts");
    for (ggml_backend_buffer_type_t * type = list ? list(dev) : nullptr; type && *type; ++type) {
        if (ggml_backend_buft_name(*type) == std::string("AMX")) {
            return *type;
        }
    }
    return nullptr;
}

context_ptr new_context() {
    return {ggml_init({size_t(1) << 20, nullptr, /*no_alloc =*/true}), ggml_free};
}

// Relative error of a product of n_out x n_in weights of the type in that buffer with n_tokens vectors, on two threads.
double error_of_product(ggml_type type, ggml_backend_buffer_type_t where, int64_t n_in, int64_t n_out,
                        int64_t n_tokens) {
    std::mt19937                    random((uint32_t)(type * 1000 + n_tokens));
    std::normal_distribution<float> normal;
    std::vector<float>              w(n_in * n_out), x(n_in * n_tokens), y(n_out * n_tokens);
    for (float & v : w) {
        v = normal(random);
    }
    for (float & v : x) {
        v = normal(random);
    }
    std::vector<uint8_t> packed(ggml_row_size(type, n_in) * n_out);
    ggml_quantize_chunk(type, w.data(), packed.data(), 0, n_out, n_in, nullptr);
    ggml_get_type_traits(type)->to_float(packed.data(), w.data(), n_in * n_out);

    const context_ptr weights = new_context(), work = new_context();
    ggml_tensor *     tw = ggml_new_tensor_2d(weights.get(), type, n_in, n_out);
    const buffer_ptr  held(ggml_backend_alloc_ctx_tensors_from_buft(weights.get(), where), ggml_backend_buffer_free);
    ggml_backend_tensor_set(tw, packed.data(), 0, packed.size());

    ggml_tensor *     tx    = ggml_new_tensor_2d(work.get(), GGML_TYPE_F32, n_in, n_tokens);
    ggml_tensor *     ty    = ggml_mul_mat(work.get(), tw, tx);
    ggml_cgraph *     graph = ggml_new_graph(work.get());
    const backend_ptr cpu(ggml_backend_cpu_init(), ggml_backend_free);
    ggml_backend_cpu_set_n_threads(cpu.get(), 2);
    const buffer_ptr scratch(ggml_backend_alloc_ctx_tensors(work.get(), cpu.get()), ggml_backend_buffer_free);
    ggml_build_forward_expand(graph, ty);
    ggml_backend_tensor_set(tx, x.data(), 0, x.size() * sizeof(float));
    ggml_backend_graph_compute(cpu.get(), graph);
    ggml_backend_tensor_get(ty, y.data(), 0, y.size() * sizeof(float));

    double wrong = 0.0, all = 0.0;
    for (int64_t t = 0; t < n_tokens; ++t) {
        for (int64_t o = 0; o < n_out; ++o) {
            double sum = 0.0;
            for (int64_t i = 0; i < n_in; ++i) {
                sum += (double)w[o * n_in + i] * x[t * n_in + i];
            }
            wrong += (y[t * n_out + o] - sum) * (y[t * n_out + o] - sum);
            all += sum * sum;
        }
    }
    return std::sqrt(wrong / all);
}

// Writes what is wrong to stderr.
bool products_are_right(ggml_backend_buffer_type_t where) {
    bool right = true;
    for (const ggml_type type :
         {GGML_TYPE_Q4_0, GGML_TYPE_Q4_1, GGML_TYPE_Q8_0, GGML_TYPE_Q4_K, GGML_TYPE_Q5_K, GGML_TYPE_Q6_K}) {
        for (const int64_t n_tokens : {1, 7, 64}) {
            const double error = error_of_product(type, where, 512, 128, n_tokens);
            if (!(error < 0.02)) { // vectors are rounded to 8 bits
                fprintf(stderr, "%s, %s, %d vectors: relative error %g\n", ggml_backend_buft_name(where),
                        ggml_type_name(type), (int)n_tokens, error);
                right = false;
            }
        }
    }
    return right;
}

} // namespace

TEST_CASE("products, plain and in AMX tiles") {
    REQUIRE(products_are_right(ggml_backend_cpu_buffer_type()));

    const char * missing = !cpu_has_amx()             ? "this CPU has no AMX"
                           : !ggml_cpu_has_amx_int8() ? "this build does not use AMX (MAGNET_NATIVE=ON does)"
                           : !amx_buffer_type()       ? "the kernel does not grant AMX"
                                                      : nullptr;
    if (missing) {
        printf("SKIPPED: %s, so the guard of the AMX patch could not be run\n", missing);
        fflush(stdout);
        std::_Exit(77);
    }
#ifndef _WIN32 // where AMX is not used
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::_Exit(products_are_right(amx_buffer_type()) ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK_MESSAGE(!WIFSIGNALED(status), "ended by signal ", WTERMSIG(status));
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
#endif
}
