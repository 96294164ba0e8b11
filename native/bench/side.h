// One of the programs that a benchmark compares. All sides get the same tokens; each does one thing at a time, so that
// their runs can take turns.
#pragma once

#include "stopwatch.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace magnet::bench {

struct generated {
    timing               prompt; // until the first logits
    timing               decode; // n - 1 passes of one token
    std::vector<int32_t> tokens;
};

// One of several callers: when it began and when each of its tokens came, in seconds since the first one began.
struct caller_run {
    double               begin = 0.0;
    std::vector<double>  at;
    std::vector<int32_t> tokens;
};

struct embedded {
    timing             time;
    std::vector<float> vectors; // [texts, D], of length one
};

// Text and the tokens that every side reads for it.
struct prompt {
    std::string          text;
    std::vector<int32_t> tokens;
};

class side {
public:
    virtual ~side() = default;

    virtual std::string name() const = 0;

    // n greedy tokens after the prompt, from an empty cache; an end of sequence does not stop it.
    virtual generated generate(const prompt & p, int32_t n) = 0;

    // n greedy tokens after each prompt, all at once; with late_after > 0 the last one comes when the others have so
    // many.
    virtual std::vector<caller_run> together(const std::vector<prompt> & prompts, int32_t n, int32_t late_after) = 0;

    // Causal attention, output at the last token.
    virtual embedded embed(const std::vector<prompt> & texts) = 0;
};

// What llama.cpp's side can do besides.
class logits_side : public side {
public:
    // Logits [tokens - n_first + 1, V]: after the first n_first tokens, which are one prompt, and after each further
    // one, decoded alone.
    virtual std::vector<float> logits(const std::vector<int32_t> & tokens, int32_t n_first) = 0;
};

// What MAGNET's own side can do besides: fill a gap of n tokens between two texts, with an empty cache.
class infilling_side : public side {
public:
    virtual prompt    make_prompt(const std::string & text) const                                             = 0;
    virtual generated infill(const std::string & left, int32_t n, const std::string & right, int32_t context) = 0;
};

// libmagnet in this process. n_threads as in magnet_session_params.
class model;
std::unique_ptr<infilling_side> make_magnet_side(std::shared_ptr<const model> shared, int32_t n_threads);

// bench-llama as a process of its own. Texts are embedded in passes of at most n_batch tokens.
std::unique_ptr<logits_side> make_llama_side(const std::string & name, const std::string & program,
                                             const std::string & model, int32_t n_threads, int32_t n_batch);

} // namespace magnet::bench
