// How near a text is to another one.
#pragma once

#include <string>

namespace magnet::eval {

// 1 - (the fewest characters to insert, delete or replace) / (characters of the longer one); 1 for two empty texts. Characters
// are Unicode code points; both are UTF-8.
double edit_similarity(const std::string & a, const std::string & b);

// Without white space at both ends.
std::string stripped(const std::string & text);

} // namespace magnet::eval
