// The handles of magnet.h, and what every exported function does around its work.
#pragma once

#include "base/asserts.h"
#include "base/error.h"
#include "session/session.h"

#include <cstring>
#include <memory>
#include <new>
#include <string>

struct magnet_model {
    std::shared_ptr<magnet::model>         impl;
    std::shared_ptr<magnet::engine_choice> engines;
};

struct magnet_adapter {
    std::shared_ptr<magnet::adapter> impl;
};

struct magnet_session {
    magnet::session impl;
};

namespace magnet {

// The message of magnet_last_error(), of this thread.
std::string & last_error();

// Runs body and turns what it throws into a status and a message: nothing crosses the boundary.
template <typename Body>
int32_t guard(const Body & body) noexcept {
    const auto fail = [](int32_t status, const char * message) noexcept {
        try {
            last_error() = message;
        } catch (...) { // no memory for the message: the status has to do
            last_error().clear();
        }
        return status;
    };
    try {
        const thrown_asserts asserts;
        last_error().clear();
        body();
        last_error().clear(); // a callback may have made calls of its own
        return MAGNET_STATUS_OK;
    } catch (const error & e) {
        return fail(e.status, e.what());
    } catch (const std::bad_alloc &) {
        return fail(MAGNET_STATUS_OUT_OF_MEMORY, "out of memory.");
    } catch (const std::exception & e) {
        return fail(MAGNET_STATUS_INTERNAL, e.what());
    } catch (...) {
        return fail(MAGNET_STATUS_INTERNAL, "unknown exception.");
    }
}

// Throws INVALID_ARGUMENT for NULL.
template <typename T>
T & not_null(T * pointer, const char * name) {
    if (!pointer) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, std::string(name) + " is NULL.");
    }
    return *pointer;
}

// An output handle: must point to NULL.
template <typename T>
void check_out_handle(T ** out, const char * name) {
    if (not_null(out, name)) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, std::string("*") + name + " is not NULL; set it to NULL before the call.");
    }
}

// An array argument of n elements.
template <typename T>
void check_array(const T * array, int64_t n, const char * name) {
    if (n < 0 || (n > 0 && !array)) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, std::string(name) + " is NULL, or has a negative number of elements.");
    }
}

// Copies elements out: NULL, 0 asks for the size.
template <typename T>
void copy_out(const T * from, int64_t n, T * buffer, int64_t capacity, int32_t * out_n, int64_t n_terminator = 0) {
    not_null(out_n, "the pointer for the size") = (int32_t) n;
    if (!buffer && capacity == 0) {
        return;
    }
    if (!buffer || capacity < n + n_terminator) {
        throw error(MAGNET_STATUS_BUFFER_TOO_SMALL, "the buffer has room for " + std::to_string(capacity) + " elements; " +
                                                        std::to_string(n + n_terminator) + " are needed.");
    }
    std::copy(from, from + n, buffer);
}

// The same for text, with its NUL.
inline void copy_out(const std::string & from, char * buffer, int32_t capacity, int32_t * out_size) {
    copy_out(from.c_str(), (int64_t) from.size(), buffer, capacity, out_size, 1);
    if (buffer) {
        buffer[from.size()] = '\0';
    }
}

} // namespace magnet
