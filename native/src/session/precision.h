// Vectors in fewer bytes, for stores that want them so: enum magnet_precision.
#pragma once

#include <cstdint>

namespace magnet {

// Bytes of n vectors. INVALID_ARGUMENT for what is out of range.
int64_t packed_size(int64_t n, int32_t dimensions, int32_t precision);

// vectors [n, dimensions] into packed_size() bytes. INVALID_ARGUMENT for a number that is not finite.
void pack_vectors(const float * vectors, int64_t n, int32_t dimensions, int32_t precision, uint8_t * out);

} // namespace magnet
