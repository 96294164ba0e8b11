#include "magnet-grammar-syntax.h"

#include "llama-grammar.h"

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

// Calls use(begin, end) for what lies outside of literals, classes, tokens and comments, word by word or sign by sign. An
// opening quotation mark or bracket that nothing closes is handed over too, last.
template <typename F>
void for_each_sign(const std::string & text, size_t begin, const F & use) {
    for (size_t i = begin; i < text.size();) {
        const char close = text[i] == '"' ? '"' : text[i] == '[' ? ']' : text[i] == '<' ? '>' : text[i] == '#' ? '\n' : '\0';
        size_t     end   = i + 1;
        if (close != '\0') {
            while (end < text.size() && text[end] != close) {
                end += (close == '"' || close == ']') && text[end] == '\\' ? 2 : 1;
            }
            if (end >= text.size() && close != '\n') {
                use(i, i + 1);
                return;
            }
            i = end + 1;
            continue;
        }
        while (is_word_char(text[i]) && end < text.size() && is_word_char(text[end])) {
            ++end;
        }
        use(i, end);
        i = end;
    }
}

// Where the name stands for the first time.
size_t place_of_name(const std::string & text, const std::string & name) {
    size_t place = text.size();
    for_each_sign(text, 0, [&](size_t begin, size_t end) {
        if (place == text.size() && text.compare(begin, end - begin, name) == 0) {
            place = begin;
        }
    });
    return place;
}

// Of a literal, class or token that is not closed.
size_t place_of_open(const std::string & text, size_t rule) {
    size_t place = text.size();
    for_each_sign(text, rule, [&](size_t begin, size_t) {
        place = strchr("\"[<", text[begin]) ? begin : place;
    });
    return place;
}

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
        return at(std::min(text.find(token, rule), text.size())) + token + " is no token of this model";
    }
    if (what.find("repetition") != std::string::npos) {
        return at(rule) + "this rule repeats too often; lower its numbers in braces, or nest fewer of them";
    }
    return at(rule) + (what.compare(0, 4, "stou") == 0 ? "a number of this rule is too large" : what);
}

size_t skip_space(const std::string & text) {
    size_t i = 0;
    while (i < text.size() && strchr(" \t\r\n#", text[i])) {
        i += text[i] == '#' ? strcspn(text.c_str() + i, "\r\n") : 1;
    }
    return i;
}

} // namespace

std::string parse_grammar(llama_grammar_parser & parser, const std::string & text, const std::string & root) {
    const char * const begin = text.c_str();
    const char *       pos   = begin + skip_space(text);
    try {
        while (*pos) {
            pos = parser.parse_rule(pos);
        }
    } catch (const std::exception & e) {
        return in_words(text, (size_t) (pos - begin), e.what());
    }
    const auto is_there = [&](uint32_t id) { return id < parser.rules.size() && !parser.rules[id].empty(); };
    for (const auto & [name, id] : parser.symbol_ids) {
        if (!is_there(id)) {
            return place_in_text(text, place_of_name(text, name)) + ": there is no rule \"" + name + "\"";
        }
    }
    const auto start = parser.symbol_ids.find(root);
    if (start == parser.symbol_ids.end()) {
        return place_in_text(text, text.size()) + ": there is no rule \"" + root + "\" to begin with";
    }
    return "";
}

} // namespace magnet
