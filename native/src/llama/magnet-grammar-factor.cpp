#include "magnet-grammar.h"

#include "llama-grammar.h"
#include "magnet-grammar-syntax.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace magnet {

namespace {

// Some of the elements of an alternative. A symbol is one or more of them: a class has one for each of its characters.
struct piece {
    const llama_grammar_element * begin;
    const llama_grammar_element * end;

    bool empty() const { return begin == end; }
};

piece first_symbol(const piece & p) {
    const llama_grammar_element * end = p.begin + !p.empty();
    while (end != p.end && (end->type == LLAMA_GRETYPE_CHAR_ALT || end->type == LLAMA_GRETYPE_CHAR_RNG_UPPER)) {
        ++end;
    }
    return { p.begin, end };
}

struct less {
    bool operator()(const piece & a, const piece & b) const {
        return std::lexicographical_compare(a.begin, a.end, b.begin, b.end, [](const auto & x, const auto & y) {
            return x.type != y.type ? x.type < y.type : x.value < y.value;
        });
    }
};

std::vector<piece> alternatives_of(const llama_grammar_rule & rule) {
    std::vector<piece> pieces;
    for (const llama_grammar_element * begin = rule.data();; ++begin) {
        const llama_grammar_element * end = begin;
        while (!ends(*end)) {
            ++end;
        }
        pieces.push_back({ begin, end });
        if (end->type == LLAMA_GRETYPE_END) {
            return pieces;
        }
        begin = end;
    }
}

// By their first symbol, in the order of its first place. What is empty is there once.
std::vector<std::vector<piece>> groups_of(const std::vector<piece> & pieces) {
    std::vector<std::vector<piece>> groups;
    std::map<piece, size_t, less>   known;
    for (const piece & p : pieces) {
        const auto [place, is_new] = known.emplace(first_symbol(p), groups.size());
        if (is_new) {
            groups.push_back({ p });
        } else if (!p.empty()) {
            groups[place->second].push_back(p);
        }
    }
    return groups;
}

// The elements of the symbols that both begin with.
size_t common_size(piece a, piece b) {
    const llama_grammar_element * const begin = a.begin;
    while (!a.empty() && !b.empty()) {
        const piece x = first_symbol(a), y = first_symbol(b);
        if (less()(x, y) || less()(y, x)) {
            break;
        }
        a.begin = x.end;
        b.begin = y.end;
    }
    return (size_t) (a.begin - begin);
}

size_t common_size(const std::vector<piece> & group) {
    piece common = group.front();
    for (const piece & p : group) {
        common.end = common.begin + common_size(common, p);
    }
    return (size_t) (common.end - common.begin);
}

} // namespace

void factor_alternatives(llama_grammar_parser & parser) {
    struct choice {
        uint32_t           rule;
        std::string        name; // of the rule that was written
        std::vector<piece> pieces;
    };
    const llama_grammar_rules written = parser.rules; // what the pieces point into
    std::vector<choice>       todo;
    for (const auto & [name, rule] : parser.symbol_ids) {
        todo.push_back({ rule, name.substr(0, name.find('_')), alternatives_of(written[rule]) });
    }
    while (!todo.empty()) {
        const choice now = std::move(todo.back());
        todo.pop_back();
        llama_grammar_rule rule;
        for (const std::vector<piece> & group : groups_of(now.pieces)) {
            const size_t       size = common_size(group);
            std::vector<piece> rests;
            for (const piece & p : group) {
                rests.push_back({ p.begin + size, p.end });
            }
            rule.insert(rule.end(), group.front().begin, group.front().begin + size);
            if (!std::all_of(rests.begin(), rests.end(), [](const piece & p) { return p.empty(); })) {
                const uint32_t id = parser.generate_symbol_id(now.name);
                rule.push_back({ LLAMA_GRETYPE_RULE_REF, id });
                todo.push_back({ id, now.name, std::move(rests) });
            }
            rule.push_back({ LLAMA_GRETYPE_ALT, 0 });
        }
        rule.back().type = LLAMA_GRETYPE_END;
        parser.add_rule(now.rule, rule);
    }
}

} // namespace magnet
