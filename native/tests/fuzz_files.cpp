#include "fuzz_files.h"

#include "gguf_file.h"

#define DOCTEST_CONFIG_TREAT_CHAR_STAR_AS_STRING
#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace magnet::testing {

namespace {

constexpr uint32_t n_default   = 250;
constexpr unsigned limit_s     = 30;   // of one file, sanitizers and a busy machine included
constexpr long     limit_mib   = 1500; // of the process
constexpr int      exit_memory = 3;    // of a child that took more

uint32_t number_of(const char * variable, uint32_t otherwise) {
    const char * text = getenv(variable);
    return text ? uint32_t(std::strtoul(text, nullptr, 10)) : otherwise;
}

// Of a child that ended by itself, or by a signal: in words. "" if all is well.
std::string fate(int status, const rusage & usage) {
    if (WIFSIGNALED(status)) {
        return WTERMSIG(status) == SIGALRM ? "it hangs" : std::string("signal ") + strsignal(WTERMSIG(status));
    }
    if (WEXITSTATUS(status) == exit_memory) {
        return std::to_string(usage.ru_maxrss / 1024) + " MiB";
    }
    return WEXITSTATUS(status) != 0 ? "exit " + std::to_string(WEXITSTATUS(status)) : "";
}

pid_t start_child() {
    std::fflush(stdout);
    std::fflush(stderr);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        for (const int s : {SIGABRT, SIGSEGV, SIGFPE, SIGILL, SIGTERM, SIGINT}) {
            std::signal(s, SIG_DFL); // not doctest's, whose report would go on in the child
        }
    }
    return child;
}

[[noreturn]] void read_seeds(const fuzz_target & target, uint32_t first, uint32_t last, fuzz_report & out) {
    std::string what;
    try {
        target.begin();
    } catch (...) {
        _exit(1);
    }
    for (uint32_t seed = first; seed < last; ++seed) {
        out.seed = seed;
        alarm(limit_s);
        write_file(target.path, target.damaged(seed, what));
        target.use(out);
        if (rusage self = {}; getrusage(RUSAGE_SELF, &self) == 0 && self.ru_maxrss / 1024 > limit_mib) {
            _exit(exit_memory);
        }
    }
    _exit(0);
}

} // namespace

int32_t seen(fuzz_report & out, const char * call, int32_t status) {
    if (status == MAGNET_STATUS_INTERNAL || (status != MAGNET_STATUS_OK && *magnet_last_error() == '\0')) {
        if (out.n_findings++ == 0) {
            std::snprintf(out.finding, sizeof out.finding, "seed %u, %s: %s", out.seed, call, magnet_last_error());
        }
    }
    return status;
}

void in_child(const std::function<void()> & work) {
    const pid_t child = start_child();
    if (child == 0) {
        try {
            work();
        } catch (...) { // a failed REQUIRE: its report is out, and the tests behind it are not the child's
            _exit(1);
        }
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    REQUIRE(status == 0);
}

void fuzz(const fuzz_target & target) {
    const uint32_t first = number_of("MAGNET_FUZZ_FIRST", 1), last = first + number_of("MAGNET_FUZZ", n_default);
    auto * const   shared = static_cast<fuzz_report *>(
        mmap(nullptr, sizeof(fuzz_report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    REQUIRE(shared != MAP_FAILED);
    *shared              = {};
    uint32_t    n_failed = 0;
    std::string what;
    for (uint32_t next = first; next < last;) {
        const uint32_t batch = std::min(last, next + 500); // memory that the allocator keeps does not add up
        shared->seed         = next;
        const pid_t child    = start_child();
        if (child == 0) {
            read_seeds(target, next, batch, *shared);
        }
        int    status = 0;
        rusage usage  = {};
        wait4(child, &status, 0, &usage);
        const std::string end = fate(status, usage);
        next                  = end.empty() ? batch : shared->seed + 1;
        if (!end.empty()) {
            target.damaged(shared->seed, what);
            ++n_failed;
            MESSAGE(target.name << ", seed " << shared->seed << ": " << end << " (" << what << ")");
        }
    }
    if (shared->n_findings > 0) {
        MESSAGE(target.name << ", " << shared->n_findings << " defects, the first: " << shared->finding);
    }
    MESSAGE(target.name << ": " << last - first << " files, " << shared->n_loaded << " loaded, " << shared->n_used << " used");
    CHECK(n_failed == 0);
    CHECK(shared->n_findings == 0);
    CHECK(shared->n_loaded > 0); // the damages are not all of one kind
    munmap(shared, sizeof(fuzz_report));
}

} // namespace magnet::testing
