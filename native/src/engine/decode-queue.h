// One scheduler a model: what callers of any thread want decoded goes through the weights together.
//
// Each caller brings one row at a time and waits for it. Whoever finds nobody at work does the next pass for all who wait,
// himself among them, after a short look for those who are about to come: a running sequence is back with its next token
// as soon as its caller has chosen it. Rows go in the order of arrival; those of engines with other adapters take turns.
#pragma once

#include "engine.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>

namespace magnet {

class decode_queue {
public:
    // While it lives, its caller is taken for one who will be back with a row. Any thread.
    class caller {
    public:
        explicit caller(decode_queue & queue);
        ~caller();
        caller(const caller &)             = delete;
        caller & operator=(const caller &) = delete;

    private:
        decode_queue & queue_;
    };

    // Runs the row in a pass of e. Blocks until it is done; throws what engine::extend throws. Any thread.
    // as_alone: in one that is small enough to give it the numbers, to the bit, that it gets alone.
    void extend(engine & e, const cached_row & row, bool as_alone);

    // Rows of this many tokens let others in between: long prompts come in pieces.
    int32_t piece() const;

private:
    struct request {
        engine *           e;
        const cached_row * row;
        bool               as_alone;
        bool               done = false;
        std::exception_ptr failure;
    };

    void wait_for_others(std::unique_lock<std::mutex> & lock);
    void run_pass(std::unique_lock<std::mutex> & lock);

    mutable std::mutex      mutex_;
    std::condition_variable changed_;
    std::deque<request *>   waiting_;
    int32_t                 callers_      = 0;
    bool                    busy_         = false;
    double                  pass_seconds_ = 0.0; // of the last one
};

} // namespace magnet
