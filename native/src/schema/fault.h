// What stands against a schema.
#pragma once

#include "base/error.h"

namespace magnet::schema {

// place: "", or a JSON pointer into the schema, which the message names.
[[noreturn]] inline void refuse(const std::string & place, const std::string & what) {
    throw error(MAGNET_STATUS_INVALID_ARGUMENT, "the schema" + (place.empty() ? "" : ", at " + place) + ": " + what + ".");
}

} // namespace magnet::schema
