// Patterns and formats of strings, in the words that upstream's converter follows to the letter.
#pragma once

#include <string>

namespace magnet::schema {

// A regular expression of JSON Schema (ECMA-262) as one of groups, classes and repetitions, anchored at both ends, whose texts
// stand in JSON's quotation marks as they are. It allows no more than the pattern: a pattern that is to be found somewhere is
// the whole text, '.' and negated classes leave out what JSON escapes. Throws INVALID_ARGUMENT naming place and reason.
std::string json_pattern(const std::string & pattern, const std::string & place);

// The pattern of a format, or "" if it is not known.
std::string format_pattern(const std::string & format);
std::string known_formats(); // "date, date-time, ..."

} // namespace magnet::schema
