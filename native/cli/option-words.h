#pragma once

#include <string>

namespace magnet_cli {

// What the library says, in the words of this program: fields of magnet.h become options.
// "rows.length is 2; …" -> "--length is 2; …"
std::string in_option_words(const std::string & message);

// Does a message in these words begin with an option, whose value it is about?
bool blames_option(const std::string & message);

} // namespace magnet_cli
