#include "edit-similarity.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace magnet::eval {

namespace {

std::vector<std::string> characters(const std::string & text) {
    std::vector<std::string> out;
    for (const char c : text) {
        if (out.empty() || ((unsigned char)c & 0xC0) != 0x80) {
            out.emplace_back();
        }
        out.back() += c;
    }
    return out;
}

} // namespace

double edit_similarity(const std::string & a, const std::string & b) {
    const std::vector<std::string> x = characters(a), y = characters(b);
    if (x.empty() && y.empty()) {
        return 1.0;
    }
    std::vector<size_t> row(y.size() + 1); // distances of x's first i characters
    std::iota(row.begin(), row.end(), 0);
    for (size_t i = 1; i <= x.size(); ++i) {
        size_t diagonal = row[0];
        row[0]          = i;
        for (size_t j = 1; j <= y.size(); ++j) {
            const size_t replaced = diagonal + (x[i - 1] != y[j - 1]);
            diagonal              = row[j];
            row[j]                = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return 1.0 - (double)row.back() / (double)std::max(x.size(), y.size());
}

std::string stripped(const std::string & text) {
    const char * const white = " \t\r\n";
    const size_t       begin = text.find_first_not_of(white);
    return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(white) - begin + 1);
}

} // namespace magnet::eval
