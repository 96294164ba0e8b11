#include "stack.h"

#include "error.h"

#include <algorithm>
#include <exception>
#include <string>

#ifdef _WIN32
#    include <windows.h>

#    include <process.h>
#else
#    include <limits.h>
#    include <pthread.h>
#    include <unistd.h>
#endif

namespace magnet {

namespace {

struct job {
    const std::function<void()> & fn;
    std::exception_ptr            failure = nullptr;

    void run() {
        try {
            fn();
        } catch (...) {
            failure = std::current_exception();
        }
    }
};

#ifdef _WIN32

bool run_with_stack(size_t bytes, job & todo) {
    const auto main = [](void * self) -> unsigned {
        static_cast<job *>(self)->run();
        return 0;
    };
    const auto thread = reinterpret_cast<HANDLE>(
        _beginthreadex(nullptr, unsigned(bytes), main, &todo, STACK_SIZE_PARAM_IS_A_RESERVATION, nullptr));
    if (thread == nullptr) {
        return false;
    }
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
    return true;
}

#else

bool run_with_stack(size_t bytes, job & todo) {
    const auto     page = (size_t) sysconf(_SC_PAGESIZE);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    const size_t size    = (std::max<size_t>(bytes, PTHREAD_STACK_MIN) + page - 1) / page * page;
    pthread_t    thread  = {};
    const auto   main    = [](void * self) -> void * {
        static_cast<job *>(self)->run();
        return nullptr;
    };
    const bool   started = pthread_attr_setstacksize(&attributes, size) == 0 &&
                         pthread_create(&thread, &attributes, main, &todo) == 0;
    pthread_attr_destroy(&attributes);
    if (started) {
        pthread_join(thread, nullptr);
    }
    return started;
}

#endif

} // namespace

void with_stack(size_t bytes, const std::function<void()> & fn) {
    job todo{ fn };
    if (!run_with_stack(bytes, todo)) {
        throw error(MAGNET_STATUS_OUT_OF_MEMORY, "no thread with a stack of " + std::to_string(bytes) + " bytes can be had.");
    }
    if (todo.failure) {
        std::rethrow_exception(todo.failure);
    }
}

size_t longest_run(std::string_view text) {
    size_t longest = 0, space = 0, graphic = 0; // what is neither, like a letter beyond ASCII, may belong to both
    for (const char c : text) {
        const auto byte     = (unsigned char) c;
        const bool is_space = byte == ' ' || (byte >= '\t' && byte <= '\r');
        const bool is_graph = byte > ' ' && byte < 0x7F;
        space               = is_graph ? 0 : space + 1;
        graphic             = is_space ? 0 : graphic + 1;
        longest             = std::max({ longest, space, graphic });
    }
    return longest;
}

} // namespace magnet
