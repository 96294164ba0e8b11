// macOS: operators new and delete of the library's own, which it does not export (CMake compiles this file for that). zig's
// linker would export those of the C++ library inside, and take no list of what to export; the system gives a program
// whichever of several libraries' it finds first.
#include <cstdlib>
#include <new>

namespace {

void * allocate(std::size_t size) {
    while (true) {
        if (void * const memory = std::malloc(size > 0 ? size : 1)) {
            return memory;
        }
        const std::new_handler handler = std::get_new_handler();
        if (!handler) {
            throw std::bad_alloc();
        }
        handler();
    }
}

void * allocate(std::size_t size, std::align_val_t alignment) {
    void * memory = nullptr;
    if (posix_memalign(&memory, std::size_t(alignment) < sizeof(void *) ? sizeof(void *) : std::size_t(alignment), size) != 0) {
        throw std::bad_alloc();
    }
    return memory;
}

template <class... Args>
void * allocate_or_null(Args... args) noexcept {
    try {
        return allocate(args...);
    } catch (...) {
        return nullptr;
    }
}

} // namespace

// clang-format off
void * operator new(std::size_t n)                                                      { return allocate(n); }
void * operator new[](std::size_t n)                                                    { return allocate(n); }
void * operator new(std::size_t n, std::align_val_t a)                                  { return allocate(n, a); }
void * operator new[](std::size_t n, std::align_val_t a)                                { return allocate(n, a); }
void * operator new(std::size_t n, const std::nothrow_t &) noexcept                     { return allocate_or_null(n); }
void * operator new[](std::size_t n, const std::nothrow_t &) noexcept                   { return allocate_or_null(n); }
void * operator new(std::size_t n, std::align_val_t a, const std::nothrow_t &) noexcept   { return allocate_or_null(n, a); }
void * operator new[](std::size_t n, std::align_val_t a, const std::nothrow_t &) noexcept { return allocate_or_null(n, a); }

void operator delete(void * p) noexcept                                                 { std::free(p); }
void operator delete[](void * p) noexcept                                               { std::free(p); }
void operator delete(void * p, std::size_t) noexcept                                    { std::free(p); }
void operator delete[](void * p, std::size_t) noexcept                                  { std::free(p); }
void operator delete(void * p, std::align_val_t) noexcept                               { std::free(p); }
void operator delete[](void * p, std::align_val_t) noexcept                             { std::free(p); }
void operator delete(void * p, std::size_t, std::align_val_t) noexcept                  { std::free(p); }
void operator delete[](void * p, std::size_t, std::align_val_t) noexcept                { std::free(p); }
void operator delete(void * p, const std::nothrow_t &) noexcept                         { std::free(p); }
void operator delete[](void * p, const std::nothrow_t &) noexcept                       { std::free(p); }
void operator delete(void * p, std::align_val_t, const std::nothrow_t &) noexcept       { std::free(p); }
void operator delete[](void * p, std::align_val_t, const std::nothrow_t &) noexcept     { std::free(p); }
