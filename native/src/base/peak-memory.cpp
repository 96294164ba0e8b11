#include "peak-memory.h"

#ifdef _WIN32
#    include <windows.h>

#    include <psapi.h>
#else
#    include <sys/resource.h>
#endif

namespace magnet {

#ifdef _WIN32

int64_t peak_memory() {
    PROCESS_MEMORY_COUNTERS counters = {};
    return K32GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof(counters)) ? int64_t(counters.PeakWorkingSetSize) : 0;
}

#else

int64_t peak_memory() {
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
#    ifdef __APPLE__
    return int64_t(usage.ru_maxrss);
#    else
    return int64_t(usage.ru_maxrss) * 1024;
#    endif
}

#endif

} // namespace magnet
