#include "text.h"

#include "error.h"
#include "utf8.h"

#include <cstring>

namespace magnet {

std::string_view checked_text(const magnet_text & text, const std::string & what) {
    if (text.size < -1) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, what + " has the size " + std::to_string(text.size) +
                                                        "; give its bytes, or -1 for a NUL-terminated text.");
    }
    if (!text.data) {
        if (text.size > 0) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT, what + " is NULL but has the size " + std::to_string(text.size) + ".");
        }
        return {};
    }

    const size_t size = text.size < 0 ? strlen(text.data) : (size_t) text.size;
    if (size > INT32_MAX) {
        throw error(MAGNET_STATUS_TOO_LONG, what + " has " + std::to_string(size) + " bytes; split it.");
    }
    const std::string_view view(text.data, size);
    const size_t           invalid = utf8_find_invalid(view);
    if (invalid != std::string_view::npos) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, what + " is not UTF-8: byte " + std::to_string(invalid) +
                                                        ". Convert it first.");
    }
    return view;
}

} // namespace magnet
