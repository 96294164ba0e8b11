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

} // namespace magnet
