#include "stopwatch.h"

#include <time.h>

namespace magnet::bench {

static double now(clockid_t which) {
    timespec t;
    clock_gettime(which, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

stopwatch::stopwatch() : begin_{now(CLOCK_MONOTONIC), now(CLOCK_PROCESS_CPUTIME_ID)} {}

timing stopwatch::elapsed() const {
    return {now(CLOCK_MONOTONIC) - begin_.wall, now(CLOCK_PROCESS_CPUTIME_ID) - begin_.cpu};
}

} // namespace magnet::bench
