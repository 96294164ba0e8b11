// Grammars that strangers write: what llama.cpp would do with some of them ends the process (it recurses once a group and
// once a rule, and copies what is repeated), so they are measured before it sees them, and watched while it runs them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

struct llama_grammar_parser;
struct llama_vocab;

namespace magnet {

struct grammar_limits {
    static constexpr size_t  bytes       = 1 << 20;
    static constexpr int32_t groups      = 100;    // parentheses inside one another
    static constexpr int32_t elements    = 500000; // characters, classes and references, repetitions written out
    static constexpr int32_t repetitions = 2000;   // that braces ask for; llama.cpp's own
    static constexpr int32_t token_bytes = 256;    // of the text in <token>
    static constexpr int32_t chain       = 500;    // rules each of which can begin with the next
    static constexpr int32_t ways        = 5000;   // in which a rule can begin
};

// What stands against a grammar that begins with the rule root, as the end of a sentence that begins with "the grammar",
// or "" if nothing does. Needs little stack whatever the grammar is.
std::string grammar_fault(const llama_vocab * vocab, const std::string & grammar, const std::string & root);

// Joins the alternatives of a rule that begin alike: "ab" | "ac" becomes "a" ("b" | "c"). llama.cpp goes through all the ways in
// which a text may go on for each token, so a list of thousands of words is followed only if few of them are left apart. What the
// grammar allows stays as it is. The rules must all be there.
void factor_alternatives(llama_grammar_parser & parser);

} // namespace magnet

// The work of one call on a grammar, counted in the loop that moves its stacks forward.
struct magnet_grammar_work {
    static constexpr int64_t max_steps  = 20000000;
    static constexpr size_t  max_stacks = 100000; // of one step forward

    static inline thread_local int64_t steps = 0;

    static void begin() { steps = 0; }
    // n_seen, n_found: stacks that this step forward has looked at, and those it has found, among which it searches.
    static void step(size_t n_seen, size_t n_found) {
        steps += 1 + (int64_t) n_found / 8;
        if (steps > max_steps || n_seen > max_stacks || n_found > max_stacks) {
            throw std::runtime_error("the grammar is too ambiguous: the text so far can be read in too many ways");
        }
    }
};
