#include "aligned-memory.h"

#include <cstdlib>

#ifdef _WIN32
#    include <malloc.h>
#endif

namespace magnet {

#ifdef _WIN32

void * allocate_aligned(std::size_t alignment, std::size_t bytes) {
    return _aligned_malloc(bytes, alignment);
}

void free_aligned(void * memory) {
    _aligned_free(memory);
}

#else

void * allocate_aligned(std::size_t alignment, std::size_t bytes) {
    return std::aligned_alloc(alignment, bytes);
}

void free_aligned(void * memory) {
    std::free(memory);
}

#endif

} // namespace magnet
