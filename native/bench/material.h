// Text for the benchmarks when none is given: plain sentences, made from a few words.
#pragma once

#include <string>
#include <vector>

namespace magnet::bench {

// n different short sentences, of 6 to 20 words.
std::vector<std::string> sentences(int n);

// n words of a text, from the one at begin on.
std::string words(const std::string & text, size_t begin, size_t n);
size_t      count_words(const std::string & text);

} // namespace magnet::bench
