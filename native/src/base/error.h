// The one exception of the core. It becomes a status and a message at the C boundary (api/handles.h).
#pragma once

#include "magnet.h"

#include <cstdio>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace magnet {

class error : public std::runtime_error {
public:
    error(enum magnet_status status, const std::string & what) : std::runtime_error(what), status(status) {}

    const enum magnet_status status;
};

// Throws INVALID_ARGUMENT "field is value; it must be range." unless ok.
template <typename T>
void require(bool ok, const char * field, T value, const std::string & range) {
    if (ok) {
        return;
    }
    std::string text = std::to_string(value);
    if constexpr (std::is_floating_point_v<T>) { // 1.5, and not 1.500000
        char digits[32];
        snprintf(digits, sizeof(digits), "%g", (double) value);
        text = digits;
    }
    throw error(MAGNET_STATUS_INVALID_ARGUMENT, std::string(field) + " is " + text + "; it must be " + range + ".");
}

} // namespace magnet
