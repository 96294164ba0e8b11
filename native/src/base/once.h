// Work that is done once, by whoever comes first; others wait. What it throws, its caller gets, and the next one tries again.
//
// std::call_once says the same, but in some C libraries, and under ThreadSanitizer, a call that throws blocks all later ones.
#pragma once

#include <atomic>
#include <mutex>

namespace magnet {

class once {
public:
    // Any thread.
    template <typename Work>
    void operator()(const Work & work) {
        if (done_.load(std::memory_order_acquire)) {
            return;
        }
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!done_.load(std::memory_order_relaxed)) {
            work();
            done_.store(true, std::memory_order_release);
        }
    }

private:
    std::mutex        mutex_;
    std::atomic<bool> done_{ false };
};

} // namespace magnet
