#include "sentences.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace magnet {

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Length of the member of `set` that text has at i, or 0.
template <size_t N>
static size_t match(const std::string & text, size_t i, const char * const (&set)[N]) {
    for (const char * s : set) {
        const size_t n = std::strlen(s);
        if (text.compare(i, n, s) == 0) {
            return n;
        }
    }
    return 0;
}

static const char * const terminators[]      = {".", "!", "?", "\u2026", "\u0964", "\u061f", "\u06d4"};
static const char * const wide_terminators[] = {"\u3002", "\uff01", "\uff1f"};
static const char * const closers[] = {"\"", "'", ")", "]", "\u201d", "\u2019", "\u00bb", "\u300d", "\u300f", "\uff09"};
static const char * const abbreviations[] = {"Mr",  "Mrs", "Ms",  "Dr", "St", "Prof", "Gen", "Col", "Capt", "Lt",
                                             "Rev", "Sen", "Gov", "vs", "No", "Fig",  "cf",  "e.g", "i.e"};

// Is the full stop at `dot` that of "Mr." or "J."?
static bool is_abbreviation(const std::string & text, size_t dot) {
    size_t begin = dot;
    while (begin > 0 && !is_space(text[begin - 1]) && text[begin - 1] != '(' && text[begin - 1] != '"') {
        --begin;
    }
    const std::string word = text.substr(begin, dot - begin);
    if (word.size() == 1 && word[0] >= 'A' && word[0] <= 'Z' && word[0] != 'I') {
        return true;
    }
    return std::any_of(std::begin(abbreviations), std::end(abbreviations), [&](const char * a) { return word == a; });
}

std::vector<size_t> sentence_starts(const std::string & text) {
    std::vector<size_t> starts;
    if (text.empty()) {
        return starts;
    }
    starts.push_back(0);
    for (size_t i = 0; i < text.size();) {
        if (text[i] == '\n') {
            size_t next = i;
            while (next < text.size() && is_space(text[next])) {
                ++next;
            }
            if (i > starts.back() && next < text.size()) {
                starts.push_back(i);
            }
            i = next;
            continue;
        }
        const size_t wide = match(text, i, wide_terminators);
        const size_t n    = wide ? wide : match(text, i, terminators);
        if (n == 0) {
            ++i;
            continue;
        }
        const bool abbreviation = text[i] == '.' && is_abbreviation(text, i);
        i += n;
        while (const size_t more = match(text, i, terminators) + match(text, i, closers)) {
            i += more;
        }
        size_t next = i;
        while (next < text.size() && (text[next] == ' ' || text[next] == '\t')) {
            ++next;
        }
        const bool small = next < text.size() && text[next] >= 'a' && text[next] <= 'z';
        if (next < text.size() && text[next] != '\n' && text[next] != '\r' && !abbreviation && !small &&
            (wide || next > i)) {
            starts.push_back(i);
        }
        i = std::max(next, i);
    }
    return starts;
}

} // namespace magnet
