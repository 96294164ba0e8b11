#include "strings.h"

#include "base/utf8.h"
#include "code-points.h"
#include "fault.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace magnet::schema {

namespace {

const ranges digits     = {{'0', '9'}};
const ranges word       = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
const ranges space      = {{'\t', '\r'}, {' ', ' '}, {0xA0, 0xA0}, {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029},
                           {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
const ranges line_ends  = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};
const ranges not_plain  = {{0, 0x1F}, {'"', '"'}, {'\\', '\\'}, {0x7F, 0x7F}, {0xD800, 0xDFFF}}; // in a string of JSON

class pattern_reader {
public:
    pattern_reader(const std::string & pattern, const std::string & place) : text_(pattern), place_(place) {}

    std::string whole() {
        const std::string out = alternatives(0);
        if (at_ < text_.size()) {
            fault("a ) closes nothing");
        }
        return "^" + out + "$";
    }

private:
    [[noreturn]] void fault(const std::string & what) const {
        constexpr size_t most = 100; // bytes
        const std::string shown = text_.size() <= most ? text_ : utf8_repair(text_.substr(0, most)) + "…";
        refuse(place_, "the pattern \"" + shown + "\" " + what);
    }
    [[noreturn]] void no(const std::string & what) const { fault("has " + what + ", which is not supported"); }

    bool is(char c, size_t ahead = 0) const { return at_ + ahead < text_.size() && text_[at_ + ahead] == c; }
    bool take(char c) {
        const bool found = is(c);
        at_ += found;
        return found;
    }

    // One alternative or more, as a group unless at the top, whose ends may be anchored.
    std::string alternatives(int depth) {
        if (depth > 50) {
            no("groups more than 50 deep");
        }
        std::string out = "(" + sequence(depth);
        while (take('|')) {
            out += "|" + sequence(depth);
        }
        return out + ")";
    }

    std::string sequence(int depth) {
        std::string out;
        if (depth == 0) {
            take('^');
        }
        while (at_ < text_.size() && !is('|') && !is(')')) {
            if (is('$') && depth == 0 && (at_ + 1 == text_.size() || is('|', 1))) {
                ++at_;
                break;
            }
            const std::string one = atom(depth);
            out += one + quantifier();
        }
        return out.empty() ? "()" : out;
    }

    std::string atom(int depth) {
        switch (text_[at_]) {
            case '(': return group(depth);
            case '[': return set();
            case '.': ++at_; return plain(complement(line_ends));
            case '^':
            case '$': no(std::string(1, text_[at_]) + " inside");
            case '*':
            case '+':
            case '?': fault("has " + std::string(1, text_[at_]) + " where there is nothing to repeat");
            case '{': no("{ where there is nothing to repeat");
            case '\\': {
                ranges     found;
                const bool one = escape(found);
                return one ? character(found[0].first) : plain(found);
            }
            default: return character(code_point());
        }
    }

    std::string group(int depth) {
        ++at_;
        if (take('?') && !take(':')) {
            no("(?" + text_.substr(at_, 1) + " (a look around or a name)");
        }
        const std::string inside = alternatives(depth + 1);
        if (!take(')')) {
            fault("has a ( that nothing closes");
        }
        return inside;
    }

    // "" or a repetition. That it takes as little as it can says nothing of which texts match.
    std::string quantifier() {
        std::string out;
        if (is('*') || is('+') || is('?')) {
            out = text_[at_++];
        } else if (take('{')) {
            const size_t end = text_.find('}', at_);
            if (end == std::string::npos) {
                fault("has a { that nothing closes");
            }
            const std::string inside = text_.substr(at_, end - at_);
            at_                      = end + 1;
            out                      = counts(inside);
        } else {
            return "";
        }
        take('?');
        if (is('*') || is('+') || is('{') || is('?')) {
            fault("repeats a repetition");
        }
        return out;
    }

    std::string counts(const std::string & inside) const {
        const size_t      comma = inside.find(',');
        const std::string least = inside.substr(0, comma), most = comma == std::string::npos ? least : inside.substr(comma + 1);
        const auto        number = [&](const std::string & digits) {
            if (digits.empty() || digits.size() > 6 || digits.find_first_not_of("0123456789") != std::string::npos) {
                fault("has {" + inside + "}; a repetition is {2}, {2,} or {2,3}, of numbers up to 999999");
            }
            return std::stoi(digits);
        };
        if (number(least) > (most.empty() ? number(least) : number(most))) {
            fault("has {" + inside + "}, which is never");
        }
        return "{" + inside + "}";
    }

    uint32_t code_point() {
        const size_t begin = at_++;
        while (at_ < text_.size() && ((unsigned char)text_[at_] & 0xC0) == 0x80) {
            ++at_;
        }
        const auto first = (unsigned char)text_[begin];
        uint32_t   c     = first < 0x80 ? first : first < 0xE0 ? first & 0x1F : first < 0xF0 ? first & 0x0F : first & 0x07;
        for (size_t i = begin + 1; i < at_; ++i) {
            c = c << 6 | ((unsigned char)text_[i] & 0x3F);
        }
        return c;
    }

    uint32_t hex(size_t n) {
        const std::string found = text_.substr(std::min(at_, text_.size()), n);
        if (found.size() < n || found.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
            fault("has an escape that is cut short");
        }
        at_ += n;
        return (uint32_t)std::stoul(found, nullptr, 16);
    }

    // What stands behind a backslash: true = one character.
    bool escape(ranges & out) {
        ++at_;
        if (at_ == text_.size()) {
            fault("ends with a backslash");
        }
        const char        c      = text_[at_];
        const char *const shorts = "nrtfv", *const meant = "\n\r\t\f\v";
        if (const char * found = strchr(shorts, c)) {
            ++at_;
            out = {{(uint32_t)meant[found - shorts], (uint32_t)meant[found - shorts]}};
            return true;
        }
        const ranges * known = c == 'd' || c == 'D' ? &digits : c == 'w' || c == 'W' ? &word : c == 's' || c == 'S' ? &space : nullptr;
        if (known) {
            ++at_;
            out = c >= 'a' ? *known : complement(*known);
            return false;
        }
        if (isalnum((unsigned char)c) && c != 'x' && c != 'u') {
            no(std::string("\\") + c);
        }
        uint32_t value = 0;
        if (c == 'x' || c == 'u') {
            ++at_;
            value = hex(c == 'x' ? 2 : 4);
            if (value >= 0xD800 && value <= 0xDFFF) {
                no("an escape of half a surrogate pair (write the character itself)");
            }
        } else {
            value = code_point();
        }
        out = {{value, value}};
        return true;
    }

    std::string set() {
        ++at_;
        const bool negated = take('^');
        ranges     all;
        while (!is(']')) {
            if (at_ >= text_.size()) {
                fault("has a [ that nothing closes");
            }
            ranges     low, high;
            const bool one = member(low);
            if (one && is('-') && !is(']', 1) && at_ + 1 < text_.size()) {
                ++at_;
                if (!member(high) || high[0].first < low[0].first) {
                    fault("has a range in [ ] that is none");
                }
                low[0].second = high[0].first;
            }
            all = joined(all, low);
        }
        ++at_;
        return plain(negated ? complement(all) : all);
    }

    bool member(ranges & out) {
        if (is('\\')) {
            if (is('b', 1)) {
                no("\\b");
            }
            return escape(out);
        }
        const uint32_t c = code_point();
        out              = {{c, c}};
        return true;
    }

    // A class of what needs no escape in JSON.
    std::string plain(const ranges & all) const {
        const ranges left = complement(joined(complement(all), not_plain));
        if (left.empty()) {
            no("a class of nothing but characters that JSON escapes");
        }
        return class_of(left);
    }

    // As it stands in JSON's quotation marks.
    std::string character(uint32_t c) const {
        std::string text;
        if (c == '"' || c == '\\') {
            text = std::string("\\") + (char)c;
        } else if (c < 0x20 || c == 0x7F) {
            char escape[8];
            snprintf(escape, sizeof(escape), "\\u%04X", c);
            text = escape;
        } else {
            return class_of({{c, c}});
        }
        std::string out = "(";
        for (const char part : text) {
            out += class_of({{(unsigned char)part, (unsigned char)part}});
        }
        return out + ")";
    }

    const std::string & text_;
    const std::string & place_;
    size_t              at_ = 0;
};

} // namespace

std::string json_pattern(const std::string & pattern, const std::string & place) {
    return pattern_reader(pattern, place).whole();
}

} // namespace magnet::schema
