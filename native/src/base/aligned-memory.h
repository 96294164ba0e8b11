// Memory that begins at a multiple of a power of two. No inline code: the engine's kernels call it, whose instruction sets no
// other file may be compiled with.
#pragma once

#include <cstddef>

namespace magnet {

// bytes: a multiple of alignment, not 0. Null if there is none. Released by free_aligned() alone: Windows tells them apart.
void * allocate_aligned(std::size_t alignment, std::size_t bytes);
void   free_aligned(void * memory); // null does no harm

} // namespace magnet
