// The one exception of the core. It becomes a status and a message at the C boundary (api/handles.h).
#pragma once

#include "magnet.h"

#include <cstdint>
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

// 7, 0.0005, 65536: a whole number as one, any other as short as it reads well.
template <typename T>
std::string number_text(T value) {
    if constexpr (std::is_floating_point_v<T>) {
        if (!(value >= -1e15 && value <= 1e15 && value == (T) (int64_t) value)) {
            char digits[32];
            snprintf(digits, sizeof(digits), "%g", (double) value);
            return digits;
        }
        return std::to_string((int64_t) value);
    }
    return std::to_string(value);
}

// Throws INVALID_ARGUMENT "field is value; it must be range." unless ok.
template <typename T>
void require(bool ok, const std::string & field, T value, const std::string & range) {
    if (!ok) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, field + " is " + number_text(value) + "; it must be " + range + ".");
    }
}

// The same for a closed range, which a NaN is outside of. INT32_MAX, and what is beyond 1e15, is no bound to speak of.
template <typename T>
void require_between(const std::string & field, T value, double least, double most) {
    const std::string range = most == INT32_MAX || most > 1e15 ? number_text(least) + " or more"
                                                : "in [" + number_text(least) + ", " + number_text(most) + "]";
    require((double) value >= least && (double) value <= most, field, value, range);
}

// TOO_LONG: "what; at most n_ctx are read here. cure". A session with a larger n_ctx is advised where the model reads more.
inline error too_long(const std::string & what, int64_t n_ctx, int64_t n_ctx_train, const std::string & cure) {
    return error(MAGNET_STATUS_TOO_LONG, what + "; at most " + std::to_string(n_ctx) + " are read here. " + cure +
                                             (n_ctx < n_ctx_train ? ", or make a session with a larger n_ctx." : "."));
}

} // namespace magnet
