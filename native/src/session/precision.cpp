#include "precision.h"

#include "base/error.h"
#include "magnet.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

namespace magnet {

namespace {

void to_int8(const float * v, int32_t n, int8_t * out) {
    const float largest = std::abs(*std::max_element(v, v + n, [](float a, float b) { return std::abs(a) < std::abs(b); }));
    const double scale  = largest > 0 ? 127.0 / largest : 0.0; // of a zero vector nothing is left but zeros
    std::transform(v, v + n, out, [&](float x) { return (int8_t) std::lround(x * scale); });
}

void to_bits(const float * v, int32_t n, uint8_t * out) {
    std::memset(out, 0, (size_t) (n + 7) / 8);
    for (int32_t i = 0; i < n; ++i) {
        if (v[i] > 0) {
            out[i / 8] |= (uint8_t) (0x80 >> i % 8);
        }
    }
}

int64_t bytes_of(int32_t dimensions, int32_t precision) {
    switch (precision) {
        case MAGNET_PRECISION_INT8:   return dimensions;
        case MAGNET_PRECISION_BINARY: return ((int64_t) dimensions + 7) / 8;
        default:                      return (int64_t) dimensions * (int64_t) sizeof(float);
    }
}

} // namespace

int64_t packed_size(int64_t n, int32_t dimensions, int32_t precision) {
    require(precision >= 0 && precision <= MAGNET_PRECISION_BINARY, "precision", precision, "one of enum magnet_precision");
    require(dimensions >= 1, "dimensions", dimensions, "at least 1");
    require(n >= 0 && n <= INT64_MAX / 4 / dimensions, "n_vectors", n, "0 or more, and no more than memory holds");
    return n * bytes_of(dimensions, precision);
}

void pack_vectors(const float * vectors, int64_t n, int32_t dimensions, int32_t precision, uint8_t * out) {
    for (int64_t r = 0; r < n; ++r) {
        const float * v   = vectors + r * dimensions;
        const float * bad = std::find_if_not(v, v + dimensions, [](float x) { return std::isfinite(x); });
        if (bad != v + dimensions) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT, "vector " + std::to_string(r) + " holds " + std::to_string(*bad) +
                                                            " at " + std::to_string(bad - v) + "; numbers must be finite.");
        }
        uint8_t * to = out + r * bytes_of(dimensions, precision);
        switch (precision) {
            case MAGNET_PRECISION_INT8:   to_int8(v, dimensions, (int8_t *) to); break;
            case MAGNET_PRECISION_BINARY: to_bits(v, dimensions, to); break;
            default:                      std::memcpy(to, v, (size_t) dimensions * sizeof(float));
        }
    }
}

} // namespace magnet
