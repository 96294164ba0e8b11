// The one exception of the core. It becomes a status and a message at the C boundary (api/handles.h).
#pragma once

#include "magnet.h"

#include <stdexcept>
#include <string>

namespace magnet {

class error : public std::runtime_error {
public:
    error(enum magnet_status status, const std::string & what) : std::runtime_error(what), status(status) {}

    const enum magnet_status status;
};

// Throws INVALID_ARGUMENT "field is value; it must be range." unless ok.
template <typename T>
void require(bool ok, const char * field, T value, const std::string & range) {
    if (!ok) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                    std::string(field) + " is " + std::to_string(value) + "; it must be " + range + ".");
    }
}

} // namespace magnet
