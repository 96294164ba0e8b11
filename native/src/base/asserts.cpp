#include "asserts.h"

#include "ggml.h"

#include <cstdio>
#include <cstring>
#include <stdexcept>

namespace magnet {

namespace {

thread_local int depth    = 0;
thread_local int n_failed = 0;

// ggml calls it with "file:line: GGML_ASSERT(...) failed" and ends the process when it returns.
void on_abort(const char * message) {
    if (depth > 0 && !std::strstr(message, "/ggml-cpu/")) {
        ++n_failed;
        throw std::runtime_error(message);
    }
    std::fprintf(stderr, "%s\n", message); // the last words of the process
}

const bool installed = [] {
    ggml_set_abort_callback(on_abort);
    return true;
}();

} // namespace

thrown_asserts::thrown_asserts() : before_(n_failed) {
    ++depth;
}

thrown_asserts::~thrown_asserts() {
    --depth;
}

bool thrown_asserts::failed() const {
    return n_failed > before_;
}

} // namespace magnet
