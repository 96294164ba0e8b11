#include "schema.h"

#include "base/json-row.h"
#include "base/stack.h"
#include "base/text.h"
#include "fault.h"
#include "subset.h"

#include "json-schema-to-grammar.h"

#include <algorithm>

namespace magnet::schema {

using json = nlohmann::ordered_json;

namespace {

constexpr size_t stack = 1 << 28; // bytes; the converter recurses once a schema inside a schema, through references too

// Rules of the converter's that take what some readers of JSON do not: a number beyond the range of double, half of a
// surrogate pair.
const std::pair<const char *, const char *> narrower[] = {
    {"(\"-\"? integral-part) (\".\" decimal-part)? ([eE] [-+]? integral-part)?",
     "(\"-\"? integral-part) (\".\" decimal-part)? ([eE] [-+]? [0-9]{1,2})?"},
    {"[^\"\\\\\\x7F\\x00-\\x1F] | [\\\\] ([\"\\\\bfnrt] | \"u\" [0-9a-fA-F]{4})",
     "[^\"\\\\\\x7F\\x00-\\x1F] | [\\\\] ([\"\\\\bfnrt] | \"u\" ([0-9a-cA-CefEF] [0-9a-fA-F]{3} | [dD] [0-7] [0-9a-fA-F]{2}))"},
};

std::string narrowed(const std::string & grammar) {
    std::string out;
    for (size_t begin = 0; begin < grammar.size();) {
        const size_t      end  = std::min(grammar.find('\n', begin), grammar.size());
        const std::string line = grammar.substr(begin, end - begin);
        const size_t      rule = line.find(" ::= ") + 5;
        const auto        same = std::find_if(std::begin(narrower), std::end(narrower),
                                              [&](const auto & pair) { return line.compare(rule, std::string::npos, pair.first) == 0; });
        out += same == std::end(narrower) ? line : line.substr(0, rule) + same->second;
        out += '\n';
        begin = end + 1;
    }
    return out;
}

class converter_rules : public grammar_rules {
public:
    explicit converter_rules(const common_grammar_builder & builder) : builder_(builder) {}

    std::string add_schema(const std::string & name, const json & schema, const std::string & at) override {
        const json subset = subset_of(schema, "schema" + std::to_string(documents_.size()), at);
        const auto given  = common_json::parse(subset.dump());
        documents_.push_back(common_chat_schema_from_json(given));
        return builder_.add_schema(name, *documents_.back().root);
    }

    void add_rule(const std::string & name, const std::string & rule) override { builder_.add_rule(name, rule); }

private:
    const common_grammar_builder &           builder_;
    std::vector<common_chat_schema_document> documents_;
};

} // namespace

json parse(const std::string & text, const std::string & what) {
    const auto refuse = [&](const std::string & reason) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, what + " " + reason + ".");
    };
    checked_text({text.c_str(), -1}, what);
    if (text.size() > limits::bytes) {
        refuse("has " + std::to_string(text.size()) + " bytes; at most " + std::to_string(limits::bytes) + " are read");
    }
    try {
        return json::parse(text, json_watch<json>(limits::nesting, [&](const std::string & why) { refuse("cannot be taken: " + why); }));
    } catch (const json::exception & e) { // "[json.exception.parse_error.101] parse error at line 1, column 2: …"
        const std::string said  = e.what();
        const size_t      place = said.find("at line "), reason = said.find("] ");
        refuse("is no JSON: " + said.substr(place != std::string::npos ? place + 3 : reason + 2));
    }
    return {};
}

std::string grammar_of(const std::function<void(grammar_rules &)> & build) {
    std::string grammar;
    with_stack(stack, [&] {
        try {
            grammar = build_grammar([&](const common_grammar_builder & builder) {
                converter_rules rules(builder);
                build(rules);
            });
        } catch (const error &) {
            throw;
        } catch (const std::bad_alloc &) {
            throw;
        } catch (const std::exception & e) { // what the subset lets through and the converter does not
            throw error(MAGNET_STATUS_INTERNAL, std::string("the schema cannot be converted: ") + e.what());
        }
    });
    return narrowed(grammar);
}

std::string grammar_of(const std::string & text) {
    const json schema = parse(text, "the schema");
    return grammar_of([&](grammar_rules & rules) {
        // of "root" itself the converter would call a property's rule by the property's name alone, which may be ""
        rules.add_rule("root", rules.add_schema("answer", schema));
    });
}

void check(const json & schema) {
    subset_of(schema, "schema", "");
}

std::string literal(const std::string & text) {
    return gbnf_format_literal(text);
}

} // namespace magnet::schema
