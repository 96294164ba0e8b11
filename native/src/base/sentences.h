// Where sentences of a text begin, by rule: no dictionary, any language that ends sentences with . ! ? or their like.
#pragma once

#include <string>
#include <vector>

namespace magnet {

// Byte offsets of the sentences, ascending, the first 0; none for an empty text. White space between two sentences
// belongs to the second, as tokens do (" He"), so the pieces joined are the text. A line break ends a sentence.
// Follows Unicode TR 29's rules in spirit: a terminator, closing quotes and brackets, then white space (none is needed
// after the full-width ones); not before a small letter, nor after an initial or a common abbreviation ("Mr.").
std::vector<size_t> sentence_starts(const std::string & text);

} // namespace magnet
