// Text for the benchmarks when none is given: plain sentences, made from a few words.
#pragma once

#include <string>
#include <vector>

namespace magnet::bench {

// n short sentences; the first 693 of them are different.
std::vector<std::string> sentences(int n);

// n words of a text, from the one at begin on.
std::string words(const std::string & text, size_t begin, size_t n);

} // namespace magnet::bench
