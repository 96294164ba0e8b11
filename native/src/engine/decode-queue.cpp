#include "decode-queue.h"

#include <algorithm>
#include <chrono>

namespace magnet {

namespace {

using clock = std::chrono::steady_clock;

// Tokens of a pass, but for a row that is longer. Beside sequences that run a pass is to be short, so that they go on.
constexpr int32_t most_tokens         = 2048;
constexpr int32_t most_tokens_between = 256;

// Rows of a pass whose numbers do not depend on how many there are, with any kernels (kernel_set::most_stored).
constexpr size_t most_alike = 8;

std::exception_ptr attempt(engine & e, const std::vector<cached_row> & rows) {
    try {
        e.extend(rows);
        return nullptr;
    } catch (...) {
        return std::current_exception();
    }
}

} // namespace

decode_queue::caller::caller(decode_queue & queue) : queue_(queue) {
    const std::lock_guard<std::mutex> lock(queue_.mutex_);
    ++queue_.callers_;
}

decode_queue::caller::~caller() {
    {
        const std::lock_guard<std::mutex> lock(queue_.mutex_);
        --queue_.callers_;
    }
    queue_.changed_.notify_all();
}

int32_t decode_queue::piece() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return callers_ > 1 ? 128 : 512;
}

void decode_queue::extend(engine & e, const cached_row & row, bool as_alone) {
    request                      mine = { &e, &row, as_alone, false, nullptr };
    std::unique_lock<std::mutex> lock(mutex_);
    waiting_.push_back(&mine);
    changed_.notify_all();
    while (!mine.done) {
        if (busy_) {
            changed_.wait(lock);
            continue;
        }
        busy_ = true;
        wait_for_others(lock);
        run_pass(lock);
        busy_ = false;
        changed_.notify_all();
    }
    if (mine.failure) {
        std::rethrow_exception(mine.failure);
    }
}

// A pass costs about the same for one sequence as for a few, so it waits for callers that are choosing their next token,
// but not for long: one that is slow must not hold up the others.
void decode_queue::wait_for_others(std::unique_lock<std::mutex> & lock) {
    const auto patience = std::chrono::duration<double>(std::min(0.25 * pass_seconds_, 0.005));
    const auto end      = clock::now() + std::chrono::duration_cast<clock::duration>(patience);
    changed_.wait_until(lock, end, [this] { return int32_t(waiting_.size()) >= callers_; });
}

void decode_queue::run_pass(std::unique_lock<std::mutex> & lock) {
    std::vector<request *> chosen;
    std::vector<cached_row> rows;
    engine *               e        = waiting_.front()->e;
    const bool             running  = std::any_of(waiting_.begin(), waiting_.end(), [&](const request * r) {
        return r->e == e && r->row->row.n_tokens == 1;
    });
    const bool             as_alone = std::any_of(waiting_.begin(), waiting_.end(), [&](const request * r) {
        return r->e == e && r->as_alone;
    });
    const size_t           most_rows = as_alone ? most_alike : SIZE_MAX;
    const int32_t          most      = running ? most_tokens_between : most_tokens;
    int32_t                n_tokens  = 0;
    for (auto it = waiting_.begin(); it != waiting_.end();) {
        const int32_t n = (*it)->row->row.n_tokens;
        if ((*it)->e != e || chosen.size() == most_rows || (!chosen.empty() && n > 1 && n_tokens + n > most)) {
            ++it;
            continue;
        }
        n_tokens += n > 1 ? n : 0;
        chosen.push_back(*it);
        rows.push_back(*(*it)->row);
        it = waiting_.erase(it);
    }

    lock.unlock();
    const auto start = clock::now();
    if (const std::exception_ptr failure = attempt(*e, rows); failure && rows.size() == 1) {
        chosen[0]->failure = failure;
    } else if (failure) { // one of them wants too much memory, say; the others are not to blame
        for (request * r : chosen) {
            r->failure = attempt(*e, { *r->row });
        }
    }
    const double seconds = std::chrono::duration<double>(clock::now() - start).count();
    lock.lock();

    pass_seconds_ = seconds;
    for (request * r : chosen) {
        r->done = true;
    }
}

} // namespace magnet
