#include "magnet-grammar.h"

#include "llama-grammar.h"
#include "magnet-grammar-syntax.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <vector>

namespace magnet {

namespace {

// ------------------------------------------------------------------------------------------------ the text

// Goes over the text as llama.cpp's parser does, without its recursion, and counts what that would nest and write out.
class grammar_scanner {
public:
    explicit grammar_scanner(const std::string & text) : text_(text), pos_(text.c_str()) {}

    std::string fault() {
        while (*pos_ && fault_.empty()) {
            const char * const symbol_at = pos_;
            symbol();
            if (!fault_.empty()) {
                return ", " + place_in_text(text_, (size_t) (symbol_at - text_.c_str())) + ": it " + fault_;
            }
        }
        return "";
    }

private:
    void symbol() {
        switch (*pos_) {
            case '#': pos_ += strcspn(pos_, "\r\n"); break;
            case '"': counted(quoted('"')); break;
            case '[': counted(quoted(']')); break;
            case '<': token(); break;
            case '(': open(); break;
            case ')': close(); break;
            case '*':
            case '?': repeat(0, 1); break;
            case '+': repeat(1, 1); break;
            case '{': braces(); break;
            default:  word(); break;
        }
    }

    // Characters up to the end of a literal or a class, which escapes keep open.
    int64_t quoted(char end) {
        int64_t n = 0;
        for (++pos_; *pos_ && *pos_ != end; ++n) {
            pos_ += *pos_ == '\\' && pos_[1] ? 2 : 1;
        }
        pos_ += *pos_ != '\0';
        return n;
    }

    void token() {
        const size_t size = strcspn(pos_, ">");
        if (size > (size_t) grammar_limits::token_bytes) {
            fault_ = "has a <token> of more than " + std::to_string(grammar_limits::token_bytes) + " bytes";
        }
        pos_ += size;
        pos_ += *pos_ != '\0';
        counted(1);
    }

    void word() {
        const char * const begin = pos_;
        while (isalnum((unsigned char) *pos_) || *pos_ == '-') {
            ++pos_;
        }
        if (pos_ != begin || *pos_ == '.') {
            counted(1);
        }
        pos_ += pos_ == begin;
    }

    void open() {
        if (++groups_ > grammar_limits::groups) {
            fault_ = "nests more than " + std::to_string(grammar_limits::groups) + " groups";
        }
        ++pos_;
    }

    void close() {
        groups_ = std::max(0, groups_ - 1);
        ++pos_;
        counted(1);
    }

    int64_t number() {
        int64_t n = 0;
        for (; *pos_ >= '0' && *pos_ <= '9'; ++pos_) {
            n = std::min<int64_t>(10 * n + (*pos_ - '0'), INT32_MAX);
        }
        return n;
    }

    // {m}, {m,} or {m,n}
    void braces() {
        const auto space = [&] { pos_ += strspn(pos_, " \t\r\n"); };
        ++pos_;
        space();
        const int64_t least = number();
        int64_t       most  = least;
        space();
        if (*pos_ == ',') {
            ++pos_;
            space();
            most = *pos_ >= '0' && *pos_ <= '9' ? number() : least + 1;
        }
        if (most < least) {
            fault_ = "repeats something at least " + std::to_string(least) + " and at most " + std::to_string(most) + " times";
            return;
        }
        pos_ += strcspn(pos_, "}\n");
        pos_ += *pos_ == '}';
        repeat_written(least, most);
    }

    void repeat(int64_t least, int64_t most) {
        ++pos_;
        repeat_written(least, most);
    }

    // What is behind least is a rule each, and the last symbol then is all of it.
    void repeat_written(int64_t least, int64_t most) {
        const int64_t before = last_;
        counted(std::min<int64_t>(most, INT32_MAX) * (before + 3));
        last_ = std::min<int64_t>(least * before + 1, INT32_MAX);
    }

    void counted(int64_t n) {
        last_ = n;
        total_ += n;
        if (total_ > grammar_limits::elements && fault_.empty()) {
            fault_ = "is too large: with its repetitions written out it has more than " +
                     std::to_string(grammar_limits::elements) + " elements";
        }
    }

    const std::string & text_;
    const char *        pos_;
    std::string         fault_;
    int32_t             groups_ = 0;
    int64_t             last_   = 0; // elements of the last symbol, which a repetition copies
    int64_t             total_  = 0;
};

// ------------------------------------------------------------------------------------------------ the rules

bool ends(const llama_grammar_element & e) {
    return e.type == LLAMA_GRETYPE_END || e.type == LLAMA_GRETYPE_ALT;
}

// Which rules can be empty: an alternative is, once all it consists of are such rules.
std::vector<bool> empty_rules(const llama_grammar_rules & rules) {
    struct alternative {
        size_t rule;
        size_t n_left = 0; // elements that cannot be empty as far as known
    };
    std::vector<alternative>         alternatives;
    std::vector<std::vector<size_t>> used_in(rules.size()); // alternatives, once for each use
    for (size_t r = 0; r < rules.size(); ++r) {
        alternatives.push_back({ r });
        for (const llama_grammar_element & e : rules[r]) {
            if (e.type == LLAMA_GRETYPE_ALT) {
                alternatives.push_back({ r });
            } else if (e.type != LLAMA_GRETYPE_END) {
                ++alternatives.back().n_left;
                if (e.type == LLAMA_GRETYPE_RULE_REF) {
                    used_in[e.value].push_back(alternatives.size() - 1);
                }
            }
        }
    }

    std::vector<bool>   empty(rules.size());
    std::vector<size_t> todo;
    const auto          found = [&](const alternative & a) {
        if (a.n_left == 0 && !empty[a.rule]) {
            empty[a.rule] = true;
            todo.push_back(a.rule);
        }
    };
    std::for_each(alternatives.begin(), alternatives.end(), found);
    while (!todo.empty()) {
        const size_t r = todo.back();
        todo.pop_back();
        for (const size_t a : used_in[r]) {
            --alternatives[a].n_left;
            found(alternatives[a]);
        }
    }
    return empty;
}

// How a rule can begin: with another one, once for each place, or with a character, a token or nothing.
struct beginning {
    struct start {
        size_t rule;
        bool   goes_on; // something stands behind it
    };
    std::vector<start> rules;
    int64_t            n_others = 0;
};

beginning beginning_of(const llama_grammar_rule & rule, const std::vector<bool> & empty) {
    beginning b;
    bool      open = true;
    for (size_t i = 0; i < rule.size(); ++i) {
        const llama_grammar_element & e = rule[i];
        if (ends(e)) {
            b.n_others += open; // nothing at all
            open = true;
        } else if (open && e.type == LLAMA_GRETYPE_RULE_REF) {
            b.rules.push_back({ e.value, !ends(rule[i + 1]) });
            open = empty[e.value];
        } else if (open) {
            ++b.n_others;
            open = false;
        }
    }
    return b;
}

// Groups of rules that can begin with one another (Tarjan's algorithm, without its recursion). A group comes after those
// that its rules begin with.
std::vector<std::vector<size_t>> circles_of(const std::vector<beginning> & begins) {
    struct visit {
        size_t rule;
        size_t next = 0;
    };
    const size_t                     n = begins.size();
    std::vector<size_t>              index(n), lowest(n), open;
    std::vector<bool>                is_open(n);
    std::vector<std::vector<size_t>> circles;
    size_t                           counter = 0;
    for (size_t root = 0; root < n; ++root) {
        std::vector<visit> path;
        const auto         enter = [&](size_t r) {
            index[r] = lowest[r] = ++counter;
            open.push_back(r);
            is_open[r] = true;
            path.push_back({ r });
        };
        if (index[root] == 0) {
            enter(root);
        }
        while (!path.empty()) {
            const size_t r = path.back().rule;
            if (path.back().next < begins[r].rules.size()) {
                const size_t child = begins[r].rules[path.back().next++].rule;
                if (index[child] == 0) {
                    enter(child);
                } else if (is_open[child]) {
                    lowest[r] = std::min(lowest[r], index[child]);
                }
                continue;
            }
            path.pop_back();
            if (!path.empty()) {
                lowest[path.back().rule] = std::min(lowest[path.back().rule], lowest[r]);
            }
            if (lowest[r] == index[r]) {
                circles.emplace_back();
                do {
                    circles.back().push_back(open.back());
                    is_open[open.back()] = false;
                    open.pop_back();
                } while (circles.back().back() != r);
            }
        }
    }
    return circles;
}

// As the text calls it; a part of a rule that has none bears the rule's.
std::string name_of(const llama_grammar_parser & parser, size_t rule) {
    for (const auto & [name, id] : parser.symbol_ids) {
        if (id == rule) {
            return "\"" + name.substr(0, name.find('_')) + "\"";
        }
    }
    return "?";
}

std::string rules_fault(const llama_grammar_parser & parser) {
    const llama_grammar_rules & rules = parser.rules;
    const std::vector<bool> empty = empty_rules(rules);
    std::vector<beginning>  begins;
    for (const llama_grammar_rule & rule : rules) {
        begins.push_back(beginning_of(rule, empty));
    }
    std::vector<size_t>  circle_of(rules.size());
    std::vector<int64_t> chain, ways; // of a circle
    for (const std::vector<size_t> & circle : circles_of(begins)) {
        for (const size_t r : circle) {
            circle_of[r] = chain.size();
        }
        int64_t longest = 0, n = 0;
        for (const size_t r : circle) {
            n += begins[r].n_others;
            for (const beginning::start & start : begins[r].rules) {
                const size_t other = circle_of[start.rule];
                if (other < chain.size()) {
                    longest = std::max(longest, chain[other]);
                    n       = std::min<int64_t>(n + ways[other], INT32_MAX);
                } else if (start.goes_on) { // what stands behind it would wait, once more with each turn
                    return "has left recursion: the rule " + name_of(parser, r) +
                           " can begin with itself. Let it end with itself instead";
                }
            }
        }
        chain.push_back(longest + (int64_t) circle.size());
        ways.push_back(n);
        if (chain.back() > grammar_limits::chain) {
            return "has a chain of more than " + std::to_string(grammar_limits::chain) +
                   " rules each of which begins with the next";
        }
        if (ways.back() > grammar_limits::ways) {
            return "has a rule that can begin in more than " + std::to_string(grammar_limits::ways) + " ways";
        }
    }
    return "";
}

} // namespace

std::string grammar_fault(const llama_vocab * vocab, const std::string & grammar, const std::string & root) {
    if (grammar.size() > grammar_limits::bytes) {
        return " has " + std::to_string(grammar.size()) + " bytes; at most " + std::to_string(grammar_limits::bytes) +
               " are read";
    }
    const std::string fault = grammar_scanner(grammar).fault();
    if (!fault.empty()) {
        return fault;
    }
    llama_grammar_parser parser(vocab);
    const std::string    syntax = parse_grammar(parser, grammar, root);
    if (!syntax.empty()) {
        return ", " + syntax;
    }
    const std::string rules = rules_fault(parser);
    return rules.empty() ? "" : " " + rules;
}

} // namespace magnet
