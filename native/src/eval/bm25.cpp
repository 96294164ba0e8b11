#include "bm25.h"

#include <algorithm>
#include <cmath>

namespace magnet::eval {

std::vector<std::string> words_of(const std::string & text) {
    std::vector<std::string> words;
    std::string              word;
    for (const char c : text + " ") {
        const unsigned char u      = (unsigned char)c;
        const bool          letter = u >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (letter) {
            word += c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        } else if (!word.empty()) {
            words.push_back(std::move(word));
            word.clear();
        }
    }
    return words;
}

bm25::bm25(const std::vector<std::string> & documents) : n_documents(documents.size()) {
    const double                                           k1 = 1.2, b = 0.75;
    std::vector<std::unordered_map<std::string, uint32_t>> counts;
    std::vector<double>                                    lengths;
    double                                                 sum = 0.0;
    for (const std::string & document : documents) {
        const std::vector<std::string> words = words_of(document);
        counts.emplace_back();
        for (const std::string & word : words) {
            ++counts.back()[word];
        }
        lengths.push_back((double)words.size());
        sum += (double)words.size();
    }
    const double mean = std::max(sum / (double)n_documents, 1e-9);
    for (size_t d = 0; d < n_documents; ++d) {
        for (const auto & [word, count] : counts[d]) {
            const double weight = count * (k1 + 1.0) / (count + k1 * (1.0 - b + b * lengths[d] / mean));
            index[word].postings.push_back({(uint32_t)d, (float)weight});
        }
    }
    for (auto & [word, entry] : index) {
        const double n = (double)entry.postings.size();
        entry.idf      = std::log(1.0 + ((double)n_documents - n + 0.5) / (n + 0.5));
    }
}

std::vector<double> bm25::scores(const std::string & query) const {
    std::vector<double> scores(n_documents, 0.0);
    for (const std::string & word : words_of(query)) {
        const auto found = index.find(word);
        if (found != index.end()) {
            for (const posting & p : found->second.postings) {
                scores[p.document] += found->second.idf * p.weight;
            }
        }
    }
    return scores;
}

static void stretch(std::vector<double> & x) {
    const auto   ends = std::minmax_element(x.begin(), x.end());
    const double low = *ends.first, range = *ends.second - low;
    for (double & value : x) {
        value = range > 0.0 ? (value - low) / range : 0.0;
    }
}

std::vector<double> fused(std::vector<double> a, std::vector<double> b, double share) {
    stretch(a);
    stretch(b);
    for (size_t i = 0; i < a.size(); ++i) {
        a[i] = (1.0 - share) * a[i] + share * b[i];
    }
    return a;
}

} // namespace magnet::eval
