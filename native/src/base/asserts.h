// Assertions of llama.cpp and ggml: what a file says must not end the process.
#pragma once

namespace magnet {

// While it lives, an assertion that fails on this thread throws std::runtime_error with its text. Not in ggml's kernels,
// whose other threads would wait for this one for ever, and not on llama.cpp's own threads: there it ends the process as
// upstream does, so what kernels assert of a file is checked before (model/validate.h).
class thrown_asserts {
public:
    thrown_asserts();
    ~thrown_asserts();
    thrown_asserts(const thrown_asserts &)             = delete;
    thrown_asserts & operator=(const thrown_asserts &) = delete;

    bool failed() const; // has one?

private:
    int before_; // how many have, on this thread
};

} // namespace magnet
