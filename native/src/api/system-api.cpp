// What the library found when it looked at the machine.
#include "base/cpu-features.h"
#include "base/processors.h"
#include "engine/engine.h"
#include "handles.h"
#ifdef MAGNET_CPU_VARIANTS_BUILT
#    include "llama/magnet-cpu-variants.h"
#endif

#include <string>

using namespace magnet;

namespace {

#if defined(_WIN32)
#    define MAGNET_SYSTEM "windows"
#elif defined(__APPLE__)
#    define MAGNET_SYSTEM "osx"
#else
#    define MAGNET_SYSTEM "linux"
#endif
#if defined(__x86_64__)
#    define MAGNET_PROCESSOR "x86_64"
#elif defined(__aarch64__)
#    define MAGNET_PROCESSOR "aarch_64"
#else
#    define MAGNET_PROCESSOR "unknown"
#endif

// Texts live as long as the process; what may change is asked anew.
struct system_texts {
    std::string cpu      = cpu_name();
    std::string features = feature_names(this_cpu());
    std::string kernels, usable;

    system_texts() {
        for (const std::string & name : fused_engine_kernels()) {
            usable += (usable.empty() ? "" : " ") + name;
        }
        kernels = usable.substr(0, usable.find(' '));
    }
};

// Of the calling thread's last call. Not inside the function: what Windows exports has no variables of threads.
thread_local std::string reason_of_threads;

const char * llama_kernels() {
#ifdef MAGNET_CPU_VARIANTS_BUILT
    return magnet_cpu_variant();
#else
    return MAGNET_COMPILED_FOR;
#endif
}

} // namespace

int32_t magnet_system_get_info(magnet_system_info * out_info) {
    return guard([&] {
        static const system_texts texts;
        reason_of_threads          = why_physical_cores();
        magnet_system_info & info  = not_null(out_info, "out_info");
        info                       = {};
        info.platform              = MAGNET_SYSTEM "-" MAGNET_PROCESSOR;
        info.cpu                   = texts.cpu.c_str();
        info.cpu_features          = texts.features.c_str();
        info.kernels               = texts.kernels.c_str();
        info.usable_kernels        = texts.usable.c_str();
        info.llama_kernels         = llama_kernels();
        info.threads_reason        = reason_of_threads.c_str();
        info.n_threads             = physical_cores();
        info.n_processors          = usable_processors();
    });
}
