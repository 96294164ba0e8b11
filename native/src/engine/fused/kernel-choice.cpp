#include "kernel-choice.h"

#include "engine/engine.h"
#include "base/cpu-features.h"
#include "base/error.h"

namespace magnet::fused {

namespace {

// Best first.
std::vector<const kernel_set *> usable_sets() {
    std::vector<const kernel_set *> sets;
    const auto                      add = [&](const kernel_set * set) {
        if (set != nullptr) {
            sets.push_back(set);
        }
    };
#if defined(__x86_64__)
    const cpu_features & cpu  = this_cpu();
    const bool           bf16 = cpu.avx512_bf16 && cpu.avx512_vnni;
    if (bf16 && amx_permitted()) {
        add(kernel_set_amx());
    }
    if (bf16) {
        add(kernel_set_avx512bf16());
    }
    if (cpu.avx512) {
        add(kernel_set_avx512());
    }
    if (cpu.avx2) {
        add(kernel_set_avx2());
    }
#elif defined(__aarch64__)
    if (this_cpu().dotprod) {
        add(kernel_set_dotprod());
    }
    add(kernel_set_neon());
#endif
    add(kernel_set_generic());
    return sets;
}

} // namespace

// Of a kernel; here, because no code of the standard library may be compiled with a kernel's instruction set.
[[noreturn]] void throw_out_of_memory();

void throw_out_of_memory() {
    throw error(MAGNET_STATUS_OUT_OF_MEMORY, "no memory for the scratch of a kernel; use shorter texts.");
}

const kernel_set & choose_kernels(const std::string & name) {
    const std::vector<const kernel_set *> sets = usable_sets();
    std::string                           names;
    for (const kernel_set * set : sets) {
        if (name.empty() || name == set->name) {
            return *set;
        }
        names += (names.empty() ? "" : ", ") + std::string(set->name);
    }
    throw error(MAGNET_STATUS_INVALID_ARGUMENT, "no kernel \"" + name + "\" on this machine; there is " + names);
}

} // namespace magnet::fused

std::vector<std::string> magnet::fused_engine_kernels() {
    std::vector<std::string> names;
    for (const fused::kernel_set * set : fused::usable_sets()) {
        names.push_back(set->name);
    }
    return names;
}
