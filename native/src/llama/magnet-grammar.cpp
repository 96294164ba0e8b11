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
        const auto space = [&] {
            while (*pos_ && strchr(" \t\r\n#", *pos_)) {
                pos_ += *pos_ == '#' ? strcspn(pos_, "\r\n") : 1;
            }
        };
        ++pos_;
        space();
        const int64_t least = number();
        int64_t       most  = least;
        bool          limit = true;
        space();
        if (*pos_ == ',') {
            ++pos_;
            space();
            limit = *pos_ >= '0' && *pos_ <= '9';
            most  = limit ? number() : least + 1;
        }
        if (least > grammar_limits::repetitions || (limit && most > grammar_limits::repetitions)) {
            // llama.cpp would take the second number for no limit at all
            fault_ = "asks for more than " + std::to_string(grammar_limits::repetitions) + " repetitions; {m,} has no limit";
            return;
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
        counted(most * (before + 3));
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

struct grammar_text {
    const std::string &  text;
    llama_grammar_parser parser;
    rule_places          places;
};

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
    bool               has_sign = false; // one of the others is a character or a token
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
            b.has_sign = true;
            open       = false;
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

// "line 2, column 1: the rule "x" ", where it is defined; a part of a rule that has no name bears the rule's.
std::string named(const grammar_text & grammar, size_t rule) {
    const auto & symbols = grammar.parser.symbol_ids;
    const auto   symbol  = std::find_if(symbols.begin(), symbols.end(), [&](const auto & entry) { return entry.second == rule; });
    const std::string name = symbol->first.substr(0, symbol->first.find('_'));
    return place_in_text(grammar.text, grammar.places.at(name)) + ": the rule \"" + name + "\" ";
}

// What a group of rules that can begin with one another has in common.
struct circle_facts {
    int64_t chain    = 0;     // rules, each of which begins with the next
    int64_t ways     = 0;     // to begin
    bool    has_sign = false; // some of them with a character or a token
};

// Adds what the rule r of a circle begins with. False: what stands behind the circle's own rules would wait, once more with
// each turn.
bool add_beginning(circle_facts & circle, const beginning & b, const std::vector<circle_facts> & before,
                   const std::vector<size_t> & circle_of) {
    circle.ways += b.n_others;
    circle.has_sign = circle.has_sign || b.has_sign;
    for (const beginning::start & start : b.rules) {
        const size_t other = circle_of[start.rule];
        if (other < before.size()) {
            circle.chain    = std::max(circle.chain, before[other].chain);
            circle.ways     = std::min<int64_t>(circle.ways + before[other].ways, INT32_MAX);
            circle.has_sign = circle.has_sign || before[other].has_sign;
        } else if (start.goes_on) {
            return false;
        }
    }
    return true;
}

std::string rules_fault(const grammar_text & grammar) {
    const llama_grammar_rules & rules = grammar.parser.rules;
    const std::vector<bool>     empty = empty_rules(rules);
    std::vector<beginning>      begins;
    for (const llama_grammar_rule & rule : rules) {
        begins.push_back(beginning_of(rule, empty));
    }
    const auto fault = [&](size_t rule, const std::string & does) { return named(grammar, rule) + does; };
    std::vector<size_t>       circle_of(rules.size());
    std::vector<circle_facts> circles;
    for (const std::vector<size_t> & circle : circles_of(begins)) {
        for (const size_t r : circle) {
            circle_of[r] = circles.size();
        }
        circle_facts facts;
        for (const size_t r : circle) {
            if (!add_beginning(facts, begins[r], circles, circle_of)) {
                return fault(r, "can begin with itself, which is left recursion. Let it end with itself instead");
            }
        }
        facts.chain += (int64_t) circle.size();
        if (!facts.has_sign && !empty[circle.front()]) {
            return fault(circle.front(), "can begin with nothing but itself. Give it another way to begin");
        }
        if (facts.chain > grammar_limits::chain) {
            return fault(circle.front(), "begins a chain of more than " + std::to_string(grammar_limits::chain) +
                                             " rules each of which begins with the next");
        }
        if (facts.ways > grammar_limits::ways) {
            return fault(circle.front(), "can begin in more than " + std::to_string(grammar_limits::ways) + " ways");
        }
        circles.push_back(facts);
    }
    return "";
}

} // namespace

std::string grammar_fault(const llama_vocab * vocab, const std::string & grammar, const std::string & root) {
    if (grammar.size() > grammar_limits::bytes) {
        return " has " + std::to_string(grammar.size()) + " bytes; at most " + std::to_string(grammar_limits::bytes) +
               " are read";
    }
    std::string fault = grammar_scanner(grammar).fault();
    if (!fault.empty()) {
        return fault;
    }
    grammar_text read = { grammar, llama_grammar_parser(vocab), {} };
    fault             = parse_grammar(read.parser, grammar, root, read.places);
    if (fault.empty()) {
        factor_alternatives(read.parser);
        fault = rules_fault(read);
    }
    return fault.empty() ? "" : ", " + fault;
}

} // namespace magnet
