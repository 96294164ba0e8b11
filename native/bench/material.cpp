#include "material.h"

#include <sstream>

namespace magnet::bench {

std::vector<std::string> sentences(int n) {
    static const char * const who[]   = {"A man",
                                         "The old woman",
                                         "My neighbour",
                                         "A group of children",
                                         "The teacher",
                                         "Her brother",
                                         "A tall girl in a red coat"};
    static const char * const does[]  = {"is playing the guitar", "walks slowly",      "was reading a book",
                                         "cooks dinner",          "looked at the sea", "is riding a bicycle",
                                         "sold three apples",     "has lost the keys", "runs"};
    static const char * const where[] = {"in the park",
                                         "near the station",
                                         "on a rainy evening",
                                         "at the market",
                                         "behind the house",
                                         "with two friends",
                                         "after work",
                                         "before the train arrived at the small town",
                                         "while the dog slept under the table",
                                         "again",
                                         "without a word"};

    std::vector<std::string> list;
    for (int i = 0; i < n; ++i) {
        std::string s = std::string(who[i % 7]) + " " + does[i % 9] + " " + where[i % 11];
        if (i % 5 == 4) {
            s += std::string(" and ") + does[(i + 4) % 9] + " " + where[(i + 5) % 11];
        }
        list.push_back(s + ".");
    }
    return list;
}

std::string words(const std::string & text, size_t begin, size_t n) {
    std::istringstream in(text);
    std::string        word, out;
    for (size_t i = 0; i < begin + n && in >> word; ++i) {
        if (i >= begin) {
            out += (out.empty() ? "" : " ") + word;
        }
    }
    return out;
}

} // namespace magnet::bench
