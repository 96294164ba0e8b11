// Where and why a text is no GBNF. llama.cpp's parser finds it; its words quote all of the text that follows.
#pragma once

#include <cstddef>
#include <string>

struct llama_grammar_parser;

namespace magnet {

// "line 2, column 7", both from 1; a column is a character.
std::string place_in_text(const std::string & text, size_t offset);

// Fills the parser, rule by rule. Returns "" if the text is a grammar whose rules are all there, root among them; else what
// stands against it, beginning with its place: "line 2, column 7: expected the end of the rule, found ")"".
std::string parse_grammar(llama_grammar_parser & parser, const std::string & text, const std::string & root);

} // namespace magnet
