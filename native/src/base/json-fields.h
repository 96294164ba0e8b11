// Numbers and texts of a JSON object that may be damaged: of exactly their kind, or an error.
#pragma once

#include "error.h"

#include <nlohmann/json.hpp>

#include <limits>
#include <string>
#include <type_traits>
#include <vector>

namespace magnet {

// Throws BAD_FILE unless the value is of T's kind and in its range.
template <typename T>
void take_json(const nlohmann::json & value, const std::string & name, T & out) {
    bool fits = false;
    if constexpr (std::is_same_v<T, bool>) {
        fits = value.is_boolean();
    } else if constexpr (std::is_integral_v<T>) {
        fits = value.is_number_unsigned() ? value.get<uint64_t>() <= uint64_t(std::numeric_limits<T>::max())
                                          : value.is_number_integer() && value.get<int64_t>() >= int64_t(std::numeric_limits<T>::min());
    } else if constexpr (std::is_floating_point_v<T>) {
        fits = value.is_number();
    } else if constexpr (std::is_same_v<T, std::string>) {
        fits = value.is_string();
    } else { // a list of texts
        fits = value.is_array();
        for (const nlohmann::json & item : value) {
            fits = fits && item.is_string();
        }
    }
    if (!fits) {
        throw error(MAGNET_STATUS_BAD_FILE, name + " is damaged");
    }
    value.get_to(out);
}

// The same of a field that must be there.
template <typename T>
void take_field(const nlohmann::json & object, const std::string & name, T & out) {
    const auto found = object.find(name);
    if (found == object.end()) {
        throw error(MAGNET_STATUS_BAD_FILE, name + " is missing");
    }
    take_json(*found, name, out);
}

} // namespace magnet
