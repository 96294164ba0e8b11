// A chat template is a program that came with a file: how deep and how long it may run. Asked by the patched Jinja engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

struct magnet_jinja_limits {
    static constexpr int32_t depth    = 2000;     // statements and expressions inside one another, parsed or running
    static constexpr int64_t steps    = 5000000;  // statements and expressions that run, variables that are copied
    static constexpr int64_t bytes    = 1 << 28;  // of all texts that it makes, those in between counted
    static constexpr int64_t elements = 100000;   // of range(), as in the sandbox that Hugging Face runs templates in
    static constexpr size_t  source   = 1 << 18;  // bytes of a template
    static constexpr size_t  stack    = 1 << 26;  // bytes of stack that this takes, with room to spare
};

struct magnet_jinja_work {
    static inline thread_local int32_t depth = 0;
    static inline thread_local int64_t steps = 0;
    static inline thread_local int64_t bytes = 0;

    static void begin() { depth = 0, steps = 0, bytes = 0; }

    static void step(int64_t n) {
        steps += n;
        if (steps > magnet_jinja_limits::steps) {
            throw std::runtime_error("the template runs for too long");
        }
    }

    static void make(int64_t n_bytes) {
        bytes += n_bytes;
        if (n_bytes < 0 || n_bytes > magnet_jinja_limits::bytes || bytes > magnet_jinja_limits::bytes) {
            throw std::runtime_error("the template makes too much text");
        }
    }
};

// Lives while a statement or an expression is parsed or run.
class magnet_jinja_scope {
public:
    magnet_jinja_scope() {
        magnet_jinja_work::step(1);
        if (magnet_jinja_work::depth >= magnet_jinja_limits::depth) {
            throw std::runtime_error("the template nests too deeply");
        }
        ++magnet_jinja_work::depth;
    }
    ~magnet_jinja_scope() { --magnet_jinja_work::depth; }
    magnet_jinja_scope(const magnet_jinja_scope &)             = delete;
    magnet_jinja_scope & operator=(const magnet_jinja_scope &) = delete;
};

// Text as Python sees it: characters, and its idea of space.
std::vector<std::string> magnet_jinja_characters(const std::string & text);
std::string              magnet_jinja_joined(const std::vector<std::string> & characters);
size_t                   magnet_jinja_space_begin(const std::string & text); // bytes of space in front
size_t                   magnet_jinja_space_end(const std::string & text);   // behind
