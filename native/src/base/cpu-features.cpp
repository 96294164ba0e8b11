#include "cpu-features.h"

#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__x86_64__)
#    include <cpuid.h>
#endif
#if defined(__linux__)
#    include <sys/syscall.h>
#    include <unistd.h>
#    if defined(__aarch64__)
#        include <sys/auxv.h>
#    endif
#endif

namespace magnet {

namespace {

#if defined(__x86_64__)

struct registers {
    uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

registers cpuid(uint32_t leaf, uint32_t part = 0) {
    registers r;
    __get_cpuid_count(leaf, part, &r.eax, &r.ebx, &r.ecx, &r.edx); // leaves zeros where there is no such leaf
    return r;
}

// Which registers the system saves when it switches between threads (XCR0).
uint32_t saved_registers() {
    uint32_t low, high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

cpu_features ask() {
    const auto      bit = [](uint32_t word, int n) { return (word >> n & 1) != 0; };
    cpu_features    cpu;
    const registers one = cpuid(1), seven = cpuid(7), more = cpuid(7, 1);
    if (!bit(one.ecx, 27)) { // OSXSAVE
        return cpu;
    }
    const uint32_t saved = saved_registers();
    const bool     ymm = (saved & 0x06) == 0x06, zmm = (saved & 0xE6) == 0xE6, tiles = (saved & 0x60000) == 0x60000;
    cpu.avx2 = ymm && bit(one.ecx, 12) && bit(one.ecx, 28) && bit(one.ecx, 29) && bit(seven.ebx, 5) && bit(seven.ebx, 8);
    cpu.avx_vnni = cpu.avx2 && bit(more.eax, 4);
    cpu.avx512   = cpu.avx2 && zmm && bit(seven.ebx, 16) && bit(seven.ebx, 17) && bit(seven.ebx, 28) && bit(seven.ebx, 30) &&
                   bit(seven.ebx, 31);
    cpu.avx512_vnni = cpu.avx512 && bit(seven.ecx, 11);
    cpu.avx512_bf16 = cpu.avx512 && bit(more.eax, 5);
    cpu.avx512_fp16 = cpu.avx512 && bit(seven.edx, 23);
    cpu.amx         = cpu.avx512 && tiles && bit(seven.edx, 22) && bit(seven.edx, 24) && bit(seven.edx, 25);
    return cpu;
}

#elif defined(__aarch64__) && defined(__linux__)

cpu_features ask() {
    const unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2); // Linux, arch/arm64 hwcap.h
    cpu_features        cpu;
    cpu.dotprod = (first >> 20 & 1) != 0 && (first >> 10 & 1) != 0; // ASIMDDP, ASIMDHP
    cpu.i8mm    = (second >> 13 & 1) != 0;
    cpu.sve     = (first >> 22 & 1) != 0;
    return cpu;
}

#elif defined(__aarch64__) && defined(__APPLE__)

cpu_features ask() {
    cpu_features cpu;
    cpu.dotprod = true; // since the first of them
    return cpu;
}

#else

cpu_features ask() {
    return {};
}

#endif

} // namespace

const cpu_features & this_cpu() {
    static const cpu_features cpu = ask();
    return cpu;
}

bool amx_permitted() {
#if defined(__x86_64__) && defined(__linux__)
    constexpr int  request_permission = 0x1023; // ARCH_REQ_XCOMP_PERM (Linux, Documentation/x86/xstate)
    constexpr int  tile_data          = 18;     // XFEATURE_XTILEDATA
    constexpr long arch_prctl         = 158;    // SYS_arch_prctl, which old headers lack
    return this_cpu().amx && syscall(arch_prctl, request_permission, tile_data) == 0;
#else
    return false;
#endif
}

std::string feature_names(const cpu_features & cpu) {
    std::string names;
    for (const auto & [has, name] :
         { std::pair(cpu.avx2, "avx2"), { cpu.avx_vnni, "avx_vnni" }, { cpu.avx512, "avx512" },
           { cpu.avx512_vnni, "avx512_vnni" }, { cpu.avx512_bf16, "avx512_bf16" }, { cpu.avx512_fp16, "avx512_fp16" },
           { cpu.amx, "amx" }, { cpu.dotprod, "dotprod" }, { cpu.i8mm, "i8mm" }, { cpu.sve, "sve" } }) {
        if (has) {
            names += (names.empty() ? "" : " ") + std::string(name);
        }
    }
    return names;
}

std::string cpu_name() {
#if defined(__x86_64__)
    if (cpuid(0x80000000).eax >= 0x80000004) {
        char text[49] = {};
        for (uint32_t i = 0; i < 3; ++i) {
            const registers r = cpuid(0x80000002 + i);
            std::memcpy(text + 16 * i, &r, 16);
        }
        const std::string name = text;
        const size_t      first = name.find_first_not_of(' '), last = name.find_last_not_of(' ');
        return first == std::string::npos ? "" : name.substr(first, last - first + 1);
    }
#endif
    return "";
}

} // namespace magnet
