// Okapi BM25 (Robertson and Zaragoza, 2009): what search by words alone finds, to compare with and to join.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace magnet::eval {

// Words of a text, in lower case: runs of ASCII letters and digits, and of whatever is beyond ASCII.
std::vector<std::string> words_of(const std::string & text);

class bm25 {
public:
    // k1 = 1.2 and b = 0.75, and an inverse document frequency of log(1 + (N - n + 0.5) / (n + 0.5)), as Lucene has them.
    explicit bm25(const std::vector<std::string> & documents);

    // Of every document, 0 or more. A word counts as often as the query has it.
    std::vector<double> scores(const std::string & query) const;

private:
    struct posting {
        uint32_t document;
        float    weight; // what one occurrence in the query adds, without the word's idf
    };
    struct entry {
        std::vector<posting> postings;
        double               idf = 0;
    };
    size_t                                 n_documents;
    std::unordered_map<std::string, entry> index;
};

// (1 - share) * a + share * b, after both are stretched to [0, 1] over the documents of the query (Bruch et al., 2022,
// arXiv 2210.11934). All equal: 0.
std::vector<double> fused(std::vector<double> a, std::vector<double> b, double share);

} // namespace magnet::eval
