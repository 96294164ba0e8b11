// Fuzzing with files: damaged ones are read in processes of their own making, so that one that ends, hangs or fills the
// memory is named.
//
// MAGNET_FUZZ=N: N damaged files of each kind (default 250). MAGNET_FUZZ_FIRST=N: the first seed, to see one again.
#pragma once

#include "magnet.h"

#include <cstdint>
#include <functional>
#include <string>

namespace magnet::testing {

// What the process that reads them tells of itself.
struct fuzz_report {
    uint32_t seed;
    uint32_t n_loaded, n_used; // files that were taken, and those that did some work too
    uint32_t n_findings;
    char     finding[400];
};

// Notes a status that is a finding: one that says it is a defect, or that says nothing. Returns it.
int32_t seen(fuzz_report & out, const char * call, int32_t status);

struct fuzz_target {
    std::string name;
    std::string path; // where the damaged file lies

    // The damaged file of a seed, the same for the same seed. what: in words, for the report.
    std::function<std::string(uint32_t seed, std::string & what)> damaged;

    std::function<void(fuzz_report & out)> use;          // reads path; out.seed says which it is
    std::function<void()>                  begin = [] {}; // once in each process
};

// Runs it in a process of its own: the threads that it starts do not come along when later ones are forked.
void in_child(const std::function<void()> & work);

// Reads all seeds, and checks that nothing was found and some files were taken.
void fuzz(const fuzz_target & target);

} // namespace magnet::testing
