// Work in a process whose memory ends.
#pragma once

#include <doctest/doctest.h>

#include <cstdio>

#ifndef _WIN32
#    include <sys/resource.h>
#    include <sys/wait.h>
#    include <unistd.h>
#endif

namespace magnet::testing {

// Not on Windows, which has no limits of this kind; not under sanitizers, whose shadow of all memory fits under none; not under
// qemu, which takes a limit and does nothing with it.
inline bool limits_work() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(_WIN32)
    return false;
#else
    rlimit before, now;
    getrlimit(RLIMIT_AS, &before);
    rlimit tried   = before;
    tried.rlim_cur = before.rlim_cur == RLIM_INFINITY ? (rlim_t) 1 << 46 : before.rlim_cur - 4096;
    setrlimit(RLIMIT_AS, &tried);
    getrlimit(RLIMIT_AS, &now);
    setrlimit(RLIMIT_AS, &before);
    return now.rlim_cur == tried.rlim_cur;
#endif
}

#ifdef _WIN32

inline void limit_memory(size_t) {}

inline void in_child(int (*)()) {}

#else

// The address space of this process grows by so much and no more.
inline void limit_memory(size_t more_bytes) {
    long pages = 0;
    if (FILE * file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%ld", &pages) != 1) {
            pages = 0;
        }
        std::fclose(file);
    }
    rlimit limit;
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = (rlim_t) pages * (rlim_t) sysconf(_SC_PAGESIZE) + more_bytes;
    setrlimit(RLIMIT_AS, &limit);
}

// In a process of its own, whose limit ends with it. work returns 0 if all is well.
inline void in_child(int (*work)()) {
    std::fflush(nullptr);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        int code = 99;
        try {
            code = work();
        } catch (...) {
        }
        _exit(code);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0); // which step of work it was
}

#endif

} // namespace magnet::testing
