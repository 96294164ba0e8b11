#include "conll.h"

#include "base/lines.h"

namespace magnet::eval {

std::vector<conll_sentence> read_conll(const std::string & path, int32_t limit) {
    std::vector<conll_sentence> sentences;
    bool                        open = false;
    for_each_line(path, [&](std::string & line, int64_t number) {
        const std::vector<std::string> columns = split_words(line);
        if (columns.empty() || columns[0] == "-DOCSTART-") {
            open = false;
            return;
        }
        if (columns.size() != conll_tasks + 1) {
            throw bad_line(path, number,
                           "expected 4 columns (word, POS, chunk, NER), found " + std::to_string(columns.size()) + ".");
        }
        if (!open && limit > 0 && (int32_t)sentences.size() == limit) {
            return;
        }
        if (!open) {
            sentences.emplace_back().line = number;
            open                          = true;
        }
        sentences.back().words.push_back(columns[0]);
        for (int32_t t = 0; t < conll_tasks; ++t) {
            sentences.back().labels[t].push_back(columns[t + 1]);
        }
    });
    if (sentences.empty()) {
        throw error(MAGNET_STATUS_BAD_FILE, path + " has no sentence (a word, POS, chunk and NER label a line).");
    }
    return sentences;
}

} // namespace magnet::eval
