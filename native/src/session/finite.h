// What the model gives out is numbers, or the call fails: a NaN looks like any other result to those who go on with it.
#pragma once

#include "base/error.h"
#include "base/finite.h"

#include <cstdint>

namespace magnet {

inline error not_a_number() {
    return error(MAGNET_STATUS_BAD_FILE, "the model's output is not a number: a weight is damaged, or an adapter's scale is "
                                         "too large. Load the model with check_tensors to look for damaged weights.");
}

// Throws BAD_FILE unless all n values are finite.
inline void require_finite(const float * values, int64_t n) {
    if (!all_finite(values, n)) {
        throw not_a_number();
    }
}

} // namespace magnet
