// Threads that stay warm between calls, and the teams they form inside one.
#pragma once

#include "share.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace magnet {

// Runs one function on n threads. Workers wait in short spins, then asleep: a spinning pool collapses as soon as the
// machine is shared.
class thread_pool {
public:
    explicit thread_pool(int32_t n_threads);
    ~thread_pool();
    thread_pool(const thread_pool &)             = delete;
    thread_pool & operator=(const thread_pool &) = delete;

    int32_t size() const { return static_cast<int32_t>(workers.size()) + 1; }

    // fn(rank) for every rank in [0, size), rank 0 on the calling thread; returns when all are done and rethrows the
    // exception of the lowest rank that threw. One call at a time.
    void run(const std::function<void(int32_t)> & fn);

    // fn(0) on the calling thread, and fn(rank) on each worker that comes while that runs; one that comes later is not
    // waited for. fn(0) alone must be able to do all that is to do; fn throws nothing. One call at a time.
    void run_with_helpers(const std::function<void(int32_t)> & fn);

private:
    void work(int32_t rank);
    void call(int32_t rank);
    void start(const std::function<void(int32_t)> & fn, bool with_helpers);

    std::vector<std::thread>             workers;
    std::vector<std::exception_ptr>      failures;
    const int32_t                        spins;
    const std::function<void(int32_t)> * task = nullptr;
    std::mutex                           mutex;
    std::condition_variable              wake;
    std::condition_variable              done;
    std::atomic<uint64_t>                generation{ 0 };
    std::atomic<int32_t>                 running{ 0 };
    std::atomic<uint64_t>                open{ 0 };       // run_with_helpers: the generation that workers may still begin
    std::atomic<int32_t>                 inside{ 0 };     // workers that did, and those that are about to see that they may not
    bool                                 helpers  = false; // the task is one of run_with_helpers
    bool                                 stopping = false;
};

// Phases of a piece of work, one after the other, each cut into pieces that threads take as they get to them. A phase is
// over when its pieces are done, whoever did them: a thread that is not there, or late, holds up nobody.
class phases {
public:
    // Not while threads are in it.
    void reset(int32_t n_phases);

    // body(piece) for pieces of [0, n) that no other thread has taken; returns when all are done. Every thread runs the
    // same phases in the same order.
    template <class Body>
    void run(int32_t phase, int32_t n, Body && body) {
        counter & c = counters[phase];
        for (int32_t i = c.next.fetch_add(1, std::memory_order_relaxed); i < n;
             i         = c.next.fetch_add(1, std::memory_order_relaxed)) {
            body(i);
            c.done.fetch_add(1, std::memory_order_release);
        }
        wait(c, n);
    }

private:
    struct alignas(64) counter {
        std::atomic<int32_t> next{ 0 };
        std::atomic<int32_t> done{ 0 };
    };
    static void wait(const counter & c, int32_t n);

    std::unique_ptr<counter[]> counters;
    int32_t                    size = 0;
};

// Calls body(i) for i in [0, n), in no particular order, from all threads.
void parallel_for(thread_pool & pool, int32_t n, const std::function<void(int32_t)> & body);

// Thrown to those who wait at a barrier that one of the team has left for good.
struct barrier_broken {};

// Point where all n threads of a team meet.
class barrier {
public:
    explicit barrier(int32_t n);
    void wait(); // throws barrier_broken

    // By one who cannot go on: all that wait here now or later throw.
    void break_up();

private:
    const int32_t           n;
    const int32_t           spins;
    std::atomic<int32_t>    arrived{ 0 };
    std::atomic<uint64_t>   generation{ 0 };
    std::atomic<bool>       broken{ false };
    std::mutex              mutex;
    std::condition_variable passed;
};

// One thread's place in the team that works on a group of rows together.
struct member {
    share     part;
    barrier * meeting = nullptr; // NULL for a team of one

    void sync() const {
        if (meeting != nullptr) {
            meeting->wait();
        }
    }
    // This member's part of [begin, end).
    void range(int32_t begin, int32_t end, int32_t & from, int32_t & to) const {
        const int64_t n = end - begin;
        from            = begin + static_cast<int32_t>(n * part.rank / part.size);
        to              = begin + static_cast<int32_t>(n * (part.rank + 1) / part.size);
    }
};

} // namespace magnet
