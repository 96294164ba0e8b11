// How much of a text is said twice.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace magnet::eval {

// Share of sentences that stood in the text before: 1 - different / all. Sentences are compared without the white space
// around them. NaN for a text without any.
double repeated_sentences(const std::string & text);

// Share of n-grams that stood before, in tokens: seq-rep-n (Welleck et al., 2020, arXiv 1908.04319). NaN for less than
// n tokens.
double repeated_ngrams(const std::vector<int32_t> & tokens, int32_t n);

} // namespace magnet::eval
