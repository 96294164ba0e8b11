#include "magnet-cpu-variants.h"

#include "base/cpu-features.h"
#include "ggml-backend.h"
#include "ggml-cpu.h"

#include "magnet-cpu-variants-list.h" // MAGNET_CPU_VARIANTS(X), best first

extern "C" double ggml_vec_soft_max_f32(const int n, float * y, const float * x, float max); // ggml-cpu/vec.h

// What the rest of ggml, llama and MAGNET call of the backend. What else is called is an undefined symbol: add it here.
#define MAGNET_FORWARDED(F, v)           \
    F(ggml_backend_cpu_init, v)          \
    F(ggml_backend_cpu_reg, v)           \
    F(ggml_backend_cpu_set_n_threads, v) \
    F(ggml_cpu_has_amx_int8, v)          \
    F(ggml_get_type_traits_cpu, v)       \
    F(ggml_vec_soft_max_f32, v)

#define MAGNET_DECLARE_ONE(f, v) extern decltype(f) f##__##v;
#define MAGNET_DECLARE(v)        MAGNET_FORWARDED(MAGNET_DECLARE_ONE, v)
extern "C" {
MAGNET_CPU_VARIANTS(MAGNET_DECLARE)
}

namespace {

namespace usable {

const magnet::cpu_features & cpu() { return magnet::this_cpu(); }

[[maybe_unused]] bool avx512vnni() { return cpu().avx512_vnni; }
[[maybe_unused]] bool avx512bf16() { return avx512vnni() && cpu().avx512_bf16; }
[[maybe_unused]] bool amx() { return avx512bf16() && cpu().amx && magnet::amx_permitted(); }
[[maybe_unused]] bool avxvnni() { return cpu().avx_vnni; }
[[maybe_unused]] bool avx2() { return cpu().avx2; }
[[maybe_unused]] bool i8mm() { return cpu().dotprod && cpu().i8mm; }
[[maybe_unused]] bool dotprod() { return cpu().dotprod; }
[[maybe_unused]] bool baseline() { return true; }

} // namespace usable

struct variant {
    const char * name;
    bool (*usable)();
#define MAGNET_MEMBER(f, v) decltype(&f) call_##f;
    MAGNET_FORWARDED(MAGNET_MEMBER, )
};

#define MAGNET_ADDRESS(f, v) &f##__##v,
#define MAGNET_VARIANT(v)    { #v, usable::v, MAGNET_FORWARDED(MAGNET_ADDRESS, v) },

const variant & chosen() {
    static const variant & best = []() -> const variant & {
        static const variant variants[] = { MAGNET_CPU_VARIANTS(MAGNET_VARIANT) };
        const variant *      v          = variants;
        while (!v->usable()) { // the last one is
            ++v;
        }
        return *v;
    }();
    return best;
}

} // namespace

const char * magnet_cpu_variant() {
    return chosen().name;
}

extern "C" {

ggml_backend_t ggml_backend_cpu_init(void) {
    return chosen().call_ggml_backend_cpu_init();
}
ggml_backend_reg_t ggml_backend_cpu_reg(void) {
    return chosen().call_ggml_backend_cpu_reg();
}
void ggml_backend_cpu_set_n_threads(ggml_backend_t backend, int n_threads) {
    chosen().call_ggml_backend_cpu_set_n_threads(backend, n_threads);
}
int ggml_cpu_has_amx_int8(void) {
    return chosen().call_ggml_cpu_has_amx_int8();
}
const ggml_type_traits_cpu * ggml_get_type_traits_cpu(ggml_type type) {
    return chosen().call_ggml_get_type_traits_cpu(type);
}
double ggml_vec_soft_max_f32(const int n, float * y, const float * x, float max) {
    return chosen().call_ggml_vec_soft_max_f32(n, y, x, max);
}

} // extern "C"
