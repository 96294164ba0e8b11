// Files of CoNLL columns: a word a line with its labels, a blank line between sentences.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace magnet::eval {

constexpr int32_t conll_tasks = 3; // POS, chunk, NER: columns 2 to 4 of the CoNLL-2003 shared task

struct conll_sentence {
    std::vector<std::string> words;
    std::vector<std::string> labels[conll_tasks];
    int64_t                  line; // of its first word
};

// The first `limit` sentences (0 = all); -DOCSTART- lines are left out. White space separates columns. Throws BAD_FILE
// naming the line (not four columns), or if there is no sentence, and IO.
std::vector<conll_sentence> read_conll(const std::string & path, int32_t limit);

} // namespace magnet::eval
