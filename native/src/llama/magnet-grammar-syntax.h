// Where and why a text is no GBNF. llama.cpp's parser finds what it cannot read; its words quote all of the text that follows.
// What it reads, but not as it is written (a token that is none, a rule defined twice), is found here.
#pragma once

#include <cstddef>
#include <map>
#include <string>

struct llama_grammar_element;
struct llama_grammar_parser;

namespace magnet {

// "line 2, column 7", both from 1; a column is a character.
std::string place_in_text(const std::string & text, size_t offset);

// Is it what stands behind an alternative of a rule, and not of it?
bool ends(const llama_grammar_element & e);

using rule_places = std::map<std::string, size_t>; // by name, where its definition begins

// Fills the parser, rule by rule, and places. Returns "" if the text is a grammar whose rules are all there, root among them;
// else what stands against it, beginning with its place: "line 2, column 7: expected the end of the rule, found ")"".
std::string parse_grammar(llama_grammar_parser & parser, const std::string & text, const std::string & root, rule_places & places);

} // namespace magnet
