#include "magnet-grammar-syntax.h"

#include "llama-grammar.h"
#include "llama.h"

#include <algorithm>
#include <cctype>
#include <cstring>

namespace magnet {

std::string place_in_text(const std::string & text, size_t offset) {
    const size_t break_at = offset == 0 ? std::string::npos : text.rfind('\n', offset - 1);
    const size_t begin    = break_at == std::string::npos ? 0 : break_at + 1;
    const auto   line     = 1 + std::count(text.begin(), text.begin() + begin, '\n');
    const auto   column   = 1 + std::count_if(text.begin() + begin, text.begin() + offset,
                                              [](char c) { return ((unsigned char) c & 0xC0) != 0x80; });
    return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

bool ends(const llama_grammar_element & e) {
    return e.type == LLAMA_GRETYPE_END || e.type == LLAMA_GRETYPE_ALT;
}

namespace {

bool is_word_char(char c) {
    return isalnum((unsigned char) c) || c == '-';
}

// A few of the characters that stand there.
std::string found_at(const std::string & text, size_t offset) {
    if (offset >= text.size()) {
        return "the end of the grammar";
    }
    if (text[offset] == '\n' || text[offset] == '\r') {
        return "the end of the line";
    }
    size_t end = offset + 1;
    while (end < text.size() && end - offset < 20 && is_word_char(text[offset]) && is_word_char(text[end])) {
        ++end;
    }
    if (text[offset] == '\\' && end < text.size()) {
        ++end; // an escape
    }
    while (end < text.size() && ((unsigned char) text[end] & 0xC0) == 0x80) {
        ++end; // the rest of a character
    }
    const std::string piece = text.substr(offset, end - offset);
    return piece == "\"" ? "a quotation mark" : "\"" + piece + "\"";
}

// Calls use(begin, end) for each literal, class and token as a whole, and for what lies outside of them and of comments,
// word by word or sign by sign. Of one that nothing closes, which is the last, it gets the opening sign alone.
template <typename F>
void for_each_sign(const std::string & text, size_t first, size_t last, const F & use) {
    for (size_t i = first; i < last;) {
        const char close = text[i] == '"' ? '"' : text[i] == '[' ? ']' : text[i] == '<' ? '>' : '\0';
        size_t     end   = i + 1;
        if (text[i] == '#') {
            i = text.find_first_of("\r\n", i);
            continue;
        }
        if (close != '\0') {
            while (end < text.size() && text[end] != close) {
                end += close != '>' && text[end] == '\\' ? 2 : 1;
            }
            if (end >= text.size()) {
                use(i, i + 1);
                return;
            }
            ++end;
        }
        while (is_word_char(text[i]) && end < text.size() && is_word_char(text[end])) {
            ++end;
        }
        use(i, end);
        i = end;
    }
}

// Where the name or token stands for the first time, from a rule on.
size_t place_of(const std::string & text, size_t rule, const std::string & sign) {
    size_t place = text.size();
    for_each_sign(text, rule, text.size(), [&](size_t begin, size_t end) {
        if (place == text.size() && text.compare(begin, end - begin, sign) == 0) {
            place = begin;
        }
    });
    return place;
}

// Of a literal, class or token that is not closed.
size_t place_of_open(const std::string & text, size_t rule) {
    size_t place = text.size();
    for_each_sign(text, rule, text.size(), [&](size_t begin, size_t end) {
        place = end == begin + 1 && strchr("\"[<", text[begin]) ? begin : place;
    });
    return place;
}

// ------------------------------------------------------------------------------------------------ what only looks right

// A character of a literal or class, which llama.cpp's parser has read: itself or an escape.
struct character {
    int64_t code;
    size_t  end;
};

character character_at(const std::string & text, size_t at) {
    if (text[at] == '\\') {
        const size_t digits = text[at + 1] == 'x' ? 2 : text[at + 1] == 'u' ? 4 : text[at + 1] == 'U' ? 8 : 0;
        if (digits > 0) {
            return { std::stoll(text.substr(at + 2, digits), nullptr, 16), at + 2 + digits };
        }
        const char c = text[at + 1];
        return { c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c, at + 2 };
    }
    const unsigned char first = (unsigned char) text[at];
    const size_t        size  = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4; // the text is UTF-8
    int64_t             code  = size == 1 ? first : first & (0x7F >> size);
    for (size_t i = 1; i < size; ++i) {
        code = code << 6 | (text[at + i] & 0x3F);
    }
    return { code, at + size };
}

// "" or what stands against it, with its place.
std::string character_fault(const std::string & text, size_t at, const character & c) {
    const auto written = [&] { return place_in_text(text, at) + ": " + text.substr(at, c.end - at); };
    if (c.code >= 0xD800 && c.code <= 0xDFFF) {
        return written() + " is one half of a surrogate pair, and no character; write all of it as \\UNNNNNNNN";
    }
    return c.code > 0x10FFFF ? written() + " is no character: the last one of Unicode is \\U0010FFFF" : "";
}

std::string literal_fault(const std::string & text, size_t begin, size_t end) {
    std::string fault;
    for (size_t i = begin + 1; i + 1 < end && fault.empty();) {
        const character c = character_at(text, i);
        fault             = character_fault(text, i, c);
        i                 = c.end;
    }
    return fault;
}

std::string class_fault(const std::string & text, size_t begin, size_t end) {
    std::string fault;
    for (size_t i = begin + 1 + (text[begin + 1] == '^'); i + 1 < end && fault.empty();) {
        const character low = character_at(text, i);
        fault               = character_fault(text, i, low);
        if (text[low.end] != '-' || low.end + 2 >= end) { // a last - is one itself
            i = low.end;
            continue;
        }
        const character high = character_at(text, low.end + 1);
        if (fault.empty()) {
            fault = character_fault(text, low.end + 1, high);
        }
        if (fault.empty() && high.code < low.code) {
            const std::string first = text.substr(i, low.end - i), last = text.substr(low.end + 1, high.end - low.end - 1);
            fault = place_in_text(text, i) + ": the range " + first + "-" + last + " is backwards; write " + last + "-" + first;
        }
        i = high.end;
    }
    return fault;
}

// Of <[42]>; other tokens are texts, and llama.cpp looks for them.
std::string token_fault(const std::string & text, size_t begin, int32_t n_vocab) {
    const size_t digits = text.compare(begin, 2, "<[") == 0 ? strspn(text.c_str() + begin + 2, "0123456789") : 0;
    size_t       zeros  = begin + 2;
    while (zeros + 1 < begin + 2 + digits && text[zeros] == '0') {
        ++zeros;
    }
    const size_t size = begin + 2 + digits - zeros;
    if (digits == 0 || (size < 10 && std::stoi(text.substr(zeros, size)) < n_vocab)) {
        return "";
    }
    const std::string id = text.substr(zeros, std::min<size_t>(size, 20)) + (size > 20 ? "..." : "");
    return place_in_text(text, begin) + ": there is no token " + id + "; this model has 0 to " + std::to_string(n_vocab - 1);
}

// Of a literal, class or token that llama.cpp's parser has read.
std::string meaning_fault(const std::string & text, size_t begin, size_t end, int32_t n_vocab) {
    switch (text[begin]) {
        case '"': return literal_fault(text, begin, end);
        case '[': return class_fault(text, begin, end);
        case '<': return token_fault(text, begin, n_vocab);
        default:  return "";
    }
}

// What fault_of(begin, end) says of the first sign of which it says anything.
template <typename F>
std::string first_fault(const std::string & text, size_t first, size_t last, const F & fault_of) {
    std::string fault;
    for_each_sign(text, first, last, [&](size_t begin, size_t end) {
        if (fault.empty()) {
            fault = fault_of(begin, end);
        }
    });
    return fault;
}

// ------------------------------------------------------------------------------------------------ what cannot be read

// What llama.cpp expects, and what that is in words.
constexpr const char * expectations[][2] = {
    { "name", "the name of a rule (letters, digits and -)" },
    { "::=", "::=" },
    { "newline or end", "the end of the rule" },
    { "')'", "\")\"" },
    { "'}'", "\"}\"" },
    { "']'", "\"]\"" },
    { "'>'", "\">\"" },
    { "'<'", "\"<\"" },
    { "','", "\",\" or \"}\"" },
    { "an int", "a number" },
    { "integer", "the number of a token" },
    { "2 hex chars", "2 hexadecimal digits" },
    { "4 hex chars", "4 hexadecimal digits" },
    { "8 hex chars", "8 hexadecimal digits" },
};

// "expecting X at REST", where REST is all of the text from there on.
std::string in_words(const std::string & text, size_t rule, const std::string & what) {
    const auto at = [&](size_t offset) { return place_in_text(text, offset) + ": "; };

    const size_t      separator = what.find(" at ");
    const std::string rest      = separator == std::string::npos ? "" : what.substr(separator + 4);
    if (separator != std::string::npos && rest.size() <= text.size() &&
        text.compare(text.size() - rest.size(), rest.size(), rest) == 0) {
        const std::string head  = what.substr(0, separator);
        size_t            place = text.size() - rest.size();
        for (const auto & [theirs, ours] : expectations) {
            if (head == std::string("expecting ") + theirs) {
                return at(place) + "expected " + ours + ", found " + found_at(text, place);
            }
        }
        if (head == "unknown escape") {
            return at(place) + found_at(text, place) + " is no escape: there are \\n \\r \\t \\\\ \\\" \\[ \\] \\- \\xNN " +
                   "\\uNNNN and \\UNNNNNNNN";
        }
        if (head.find("preceding item") != std::string::npos) { // it is behind the sign already
            place = text.find_last_of("*+?{", place - 1);
            return at(place) + "there is nothing before " + found_at(text, place) + " that it could repeat";
        }
        return at(place) + head;
    }
    if (what == "unexpected end of input") {
        const size_t place = place_of_open(text, rule);
        return at(place) + (place < text.size() && text[place] == '[' ? "a class" : "a literal") + " that nothing closes";
    }
    if (what.compare(0, 13, "invalid token") == 0) {
        const std::string token = what.substr(15, what.size() - 16);
        return at(place_of(text, rule, token)) + token + " is no token of this model";
    }
    if (what.find("repetition") != std::string::npos) {
        return at(rule) + "this rule repeats too often; lower its numbers in braces, or nest fewer of them";
    }
    return at(rule) + what;
}

std::string name_at(const std::string & text, size_t at) {
    size_t end = at;
    while (end < text.size() && is_word_char(text[end])) {
        ++end;
    }
    return text.substr(at, end - at);
}

size_t skip_space(const std::string & text) {
    size_t i = 0;
    while (i < text.size() && strchr(" \t\r\n#", text[i])) {
        i += text[i] == '#' ? strcspn(text.c_str() + i, "\r\n") : 1;
    }
    return i;
}

} // namespace

std::string parse_grammar(llama_grammar_parser & parser, const std::string & text, const std::string & root, rule_places & places) {
    const int32_t      n_vocab = llama_vocab_n_tokens(parser.vocab);
    const char * const begin   = text.c_str();
    const char *       pos     = begin + skip_space(text);
    while (*pos) {
        const size_t rule = (size_t) (pos - begin);
        try {
            pos = parser.parse_rule(pos);
        } catch (const std::out_of_range &) { // only tokens have numbers that large: see grammar_scanner
            return first_fault(text, rule, text.size(), [&](size_t at, size_t) { return token_fault(text, at, n_vocab); });
        } catch (const std::exception & e) {
            return in_words(text, rule, e.what());
        }
        const std::string meaning = first_fault(text, rule, (size_t) (pos - begin), [&](size_t at, size_t end) {
            return meaning_fault(text, at, end, n_vocab);
        });
        if (!meaning.empty()) {
            return meaning;
        }
        const auto [known, is_new] = places.emplace(name_at(text, rule), rule);
        if (!is_new) {
            return place_in_text(text, rule) + ": the rule \"" + known->first + "\" is there already, at " +
                   place_in_text(text, known->second) + "; join the two with |, or give one another name";
        }
    }
    for (const auto & [name, id] : parser.symbol_ids) {
        if (id >= parser.rules.size() || parser.rules[id].empty()) {
            return place_in_text(text, place_of(text, 0, name)) + ": there is no rule \"" + name + "\"";
        }
    }
    if (places.count(root) == 0) {
        return place_in_text(text, text.size()) + ": there is no rule \"" + root + "\" to begin with";
    }
    return "";
}

} // namespace magnet
