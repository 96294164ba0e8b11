#include "threads.h"

#include "base/processors.h"

#include <exception>

namespace magnet {

namespace {

// Some ten microseconds; none where there are more threads than processors: who waits there must make room at once.
int32_t spins_of(int32_t n_threads) {
    static const int32_t processors = usable_processors();
    return n_threads > processors ? 0 : 2000;
}

void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Waits a little for the condition without giving up the CPU; true if it came true.
template <class Condition>
bool spin_until(int32_t spins, Condition && condition) {
    for (int32_t i = 0; i < spins; ++i) {
        if (condition()) {
            return true;
        }
        pause();
    }
    return condition();
}

} // namespace

thread_pool::thread_pool(int32_t n_threads) : failures(n_threads), spins(spins_of(n_threads)) {
    for (int32_t rank = 1; rank < n_threads; ++rank) {
        workers.emplace_back([this, rank] { work(rank); });
    }
}

thread_pool::~thread_pool() {
    {
        const std::lock_guard<std::mutex> lock(mutex);
        stopping = true;
        generation.fetch_add(1);
    }
    wake.notify_all();
    for (std::thread & worker : workers) {
        worker.join();
    }
}

void thread_pool::call(int32_t rank) {
    try {
        (*task)(rank);
    } catch (...) {
        failures[rank] = std::current_exception();
    }
}

void thread_pool::work(int32_t rank) {
    uint64_t seen = 0;
    while (true) {
        const auto called = [&] { return generation.load(std::memory_order_acquire) != seen; };
        if (!spin_until(spins, called)) {
            std::unique_lock<std::mutex> lock(mutex);
            wake.wait(lock, called);
        }
        bool                                 helping;
        const std::function<void(int32_t)> * fn;
        {
            const std::lock_guard<std::mutex> lock(mutex); // the three of one call
            seen    = generation.load(std::memory_order_relaxed);
            helping = helpers;
            fn      = task;
        }
        if (stopping) {
            return;
        }
        if (helping) {
            inside.fetch_add(1); // before the look at the door: who closes it waits for all that are counted
            if (open.load() == seen) {
                (*fn)(rank);
            }
            inside.fetch_sub(1);
            continue;
        }
        call(rank);
        if (running.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            const std::lock_guard<std::mutex> lock(mutex);
            done.notify_one();
        }
    }
}

void thread_pool::start(const std::function<void(int32_t)> & fn, bool with_helpers) {
    {
        const std::lock_guard<std::mutex> lock(mutex);
        task               = &fn;
        helpers            = with_helpers;
        const uint64_t now = generation.load(std::memory_order_relaxed) + 1;
        open               = with_helpers ? now : 0;
        generation.store(now, std::memory_order_release);
    }
    wake.notify_all();
}

void thread_pool::run_with_helpers(const std::function<void(int32_t)> & fn) {
    start(fn, true);
    fn(0);
    open = 0;
    while (inside.load() > 0) {
        std::this_thread::yield();
    }
}

void phases::reset(int32_t n_phases) {
    if (n_phases > size) {
        counters.reset(new counter[n_phases]);
        size = n_phases;
        return;
    }
    for (int32_t i = 0; i < size; ++i) {
        counters[i].next.store(0, std::memory_order_relaxed);
        counters[i].done.store(0, std::memory_order_relaxed);
    }
}

// Pieces take microseconds; one that takes longer is that of a thread that lost its processor.
void phases::wait(const counter & c, int32_t n) {
    while (!spin_until(2000, [&] { return c.done.load(std::memory_order_acquire) >= n; })) {
        std::this_thread::yield();
    }
}

void thread_pool::run(const std::function<void(int32_t)> & fn) {
    failures.assign(failures.size(), nullptr);
    running.store(static_cast<int32_t>(workers.size()), std::memory_order_relaxed);
    start(fn, false);
    call(0);

    const auto finished = [&] { return running.load(std::memory_order_acquire) == 0; };
    if (!spin_until(spins, finished)) {
        std::unique_lock<std::mutex> lock(mutex);
        done.wait(lock, finished);
    }
    for (const std::exception_ptr & failure : failures) {
        if (failure) {
            std::rethrow_exception(failure);
        }
    }
}

void parallel_for(thread_pool & pool, int32_t n, const std::function<void(int32_t)> & body) {
    std::atomic<int32_t> next{ 0 };
    pool.run([&](int32_t) {
        for (int32_t i = next++; i < n; i = next++) {
            body(i);
        }
    });
}

barrier::barrier(int32_t n) : n(n), spins(spins_of(n)) {}

void barrier::wait() {
    const uint64_t now = generation.load(std::memory_order_acquire); // before the look at broken: see break_up
    if (broken.load(std::memory_order_acquire)) {
        throw barrier_broken();
    }
    if (arrived.fetch_add(1, std::memory_order_acq_rel) == n - 1) {
        arrived.store(0, std::memory_order_relaxed);
        {
            const std::lock_guard<std::mutex> lock(mutex);
            generation.fetch_add(1, std::memory_order_release);
        }
        passed.notify_all();
        return;
    }
    const auto released = [&] { return generation.load(std::memory_order_acquire) != now; };
    if (!spin_until(spins, released)) {
        std::unique_lock<std::mutex> lock(mutex);
        passed.wait(lock, released);
    }
    if (broken.load(std::memory_order_acquire)) {
        throw barrier_broken();
    }
}

void barrier::break_up() {
    broken.store(true, std::memory_order_release);
    {
        const std::lock_guard<std::mutex> lock(mutex);
        generation.fetch_add(1, std::memory_order_release);
    }
    passed.notify_all();
}

} // namespace magnet
