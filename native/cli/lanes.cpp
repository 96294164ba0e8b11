#include "lanes.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "interrupt.h"

namespace magnet_cli {

namespace {

// The outputs of n records as one: the first unfinished record writes through, those behind it wait.
class in_order {
public:
    in_order(output & out, size_t n) : out(out), waiting(n), finished(n) {}

    void write(size_t record, std::string_view bytes) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (record == front) {
            out.write(bytes);
        } else {
            waiting[record] += bytes;
        }
    }

    void flush(size_t record) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (record == front) {
            out.flush();
        }
    }

    void finish(size_t record) {
        const std::lock_guard<std::mutex> lock(mutex);
        finished[record] = true;
        while (front < finished.size() && finished[front]) {
            ++front;
            if (front < finished.size()) {
                out.write(waiting[front]);
                out.flush();
                waiting[front] = {};
            }
        }
    }

private:
    std::mutex               mutex;
    output &                 out;
    std::vector<std::string> waiting;
    std::vector<bool>        finished;
    size_t                   front = 0;
};

class record_sink : public sink {
public:
    record_sink(in_order & all, size_t record) : all(all), record(record) {}

    void write(std::string_view bytes) override { all.write(record, bytes); }
    void flush() override { all.flush(record); }

private:
    in_order & all;
    size_t     record;
};

// The first failure in the order of the records; what is behind it stops.
class first_failure {
public:
    explicit first_failure(const std::vector<session_ptr> & sessions)
        : sessions(sessions), at(sessions.size()), busy(sessions.size()) {}

    bool begin(size_t lane, size_t record) { // false: a record before it has failed
        const std::lock_guard<std::mutex> lock(mutex);
        at[lane]   = record;
        busy[lane] = record < failed;
        return busy[lane];
    }

    void end(size_t lane) {
        const std::lock_guard<std::mutex> lock(mutex);
        busy[lane] = false;
    }

    void fail(size_t record, std::exception_ptr with) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (record < failed) {
            failed = record;
            error  = std::move(with);
        }
        for (size_t i = 0; i < sessions.size(); ++i) {
            if (busy[i] && at[i] > failed) {
                magnet_session_cancel(sessions[i].get());
            }
        }
    }

    void rethrow() const {
        if (error) {
            std::rethrow_exception(error);
        }
    }

private:
    const std::vector<session_ptr> & sessions;
    std::mutex                       mutex;
    std::vector<size_t>              at;
    std::vector<bool>                busy;
    size_t                           failed = SIZE_MAX;
    std::exception_ptr               error;
};

} // namespace

static size_t lanes_for(const loaded_model & loaded, const model_options & model, size_t n, int32_t n_each) {
    if (!loaded.info.fused_engine || model.engine == MAGNET_ENGINE_GRAPH) {
        return 1; // each session of llama.cpp's graph has a context and passes of its own
    }
    return std::clamp<size_t>(static_cast<size_t>(most_together / std::max(n_each, 1)), 1, std::max<size_t>(n, 1));
}

void for_each_record(const loaded_model & loaded, const model_options & model, size_t n, int32_t n_each, output & out,
                     const std::function<void(magnet_session *, size_t, sink &)> & work) {
    std::vector<session_ptr>      sessions;
    std::vector<magnet_session *> all;
    for (size_t i = 0; i < lanes_for(loaded, model, n, n_each); ++i) {
        sessions.push_back(create_session(loaded, model));
        all.push_back(sessions.back().get());
    }
    const cancel_scope scope(all);
    in_order           order(out, n);
    first_failure      failure(sessions);

    const auto lane = [&](size_t mine) {
        for (size_t i = mine; i < n && !interrupted() && failure.begin(mine, i); i += sessions.size()) {
            try {
                record_sink own(order, i);
                work(all[mine], i, own);
                order.finish(i);
            } catch (...) {
                failure.fail(i, std::current_exception());
            }
            failure.end(mine);
        }
    };
    std::vector<std::thread> others;
    for (size_t i = 1; i < sessions.size(); ++i) {
        others.emplace_back(lane, i);
    }
    lane(0);
    for (std::thread & each : others) {
        each.join();
    }
    failure.rethrow();
}

} // namespace magnet_cli
