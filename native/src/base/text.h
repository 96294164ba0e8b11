// Texts of the C API, checked.
#pragma once

#include "magnet.h"

#include <string>
#include <string_view>

namespace magnet {

// Throws INVALID_ARGUMENT, naming what, if the text is not UTF-8 or its size is not one.
std::string_view checked_text(const magnet_text & text, const std::string & what);

} // namespace magnet
