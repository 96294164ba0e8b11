// The teams of threads of a fused engine: they take their groups of rows (plan.h) through the forward pass, hand the
// hidden states to whoever asked for them, and add up what each of them learned.
#pragma once

#include "block.h"
#include "final-norm.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <mutex>
#include <vector>

namespace magnet::fused {

// What one team of threads owns.
template <class T>
struct team {
    team(const weights<T> & w, const adapters<T> & a, const kernel_table<T> & k) : runner(w, a, k) {}

    void fail(std::exception_ptr why) {
        const std::lock_guard<std::mutex> lock(failure_mutex);
        failure = failure ? failure : why;
    }
    bool failed() {
        const std::lock_guard<std::mutex> lock(failure_mutex);
        return failure != nullptr;
    }

    block_runner<T>                 runner;
    std::unique_ptr<barrier>        meeting;
    std::unique_ptr<prepared_group> group;
    buffer<float>                   hidden;   // [n, D]
    buffer<float>                   d_hidden; // [n, D]
    buffer<float>                   gradient; // adapters<T>::gradient_size()
    std::exception_ptr              failure;  // of a callback, or of a member: no memory
    std::mutex                      failure_mutex;
};

// Keeps references to all that it is made of.
template <class T>
class thread_teams {
public:
    thread_teams(const kernel_set & set, weights<T> & base, adapters<T> & lora, thread_pool & pool)
        : set(set), base(base), lora(lora), pool(pool) {}

    int64_t bytes() const {
        int64_t sum = 0;
        for (const auto & t : teams) {
            sum += t->runner.bytes() + t->hidden.bytes() + t->d_hidden.bytes() + t->gradient.bytes();
        }
        return sum;
    }

    const batching & batches(run_mode mode) const { return mode == run_mode::infer ? set.infer : set.train; }

    bool is_first(const team<T> & t) const { return &t == teams[0].get(); }

    // Forward of all rows; finish(me, team) once a group by each of the team's threads, hidden states ready. all: where the
    // teams meet each other. Rethrows what a caller's function threw in for_rows. Returns how many teams had work.
    template <class Finish>
    int32_t run(const work_plan & plan, const std::vector<engine_row> & rows, run_mode mode,
                const engine_dropout & dropout, Finish && finish, barrier * all = nullptr) {
        const int32_t n_teams = int32_t(plan.teams.size());
        prepare(plan, mode);
        pool.run([&](int32_t rank) {
            const int32_t index = rank / plan.team_size;
            if (index >= n_teams) {
                return;
            }
            team<T> & t = *teams[index];
            member    me;
            me.part    = { rank % plan.team_size, plan.team_size };
            me.meeting = t.meeting.get();
            bool left  = false;
            try {
                work(me, t, plan.teams[index], rows, mode, dropout, finish);
            } catch (const barrier_broken &) {
                left = true;
            } catch (...) { // no memory
                t.fail(std::current_exception());
                left = true;
            }
            for (barrier * meeting : { t.meeting.get(), all }) {
                if (left && meeting != nullptr) {
                    meeting->break_up();
                }
            }
        });
        for (int32_t i = 0; i < n_teams; ++i) {
            if (teams[i]->failure) {
                std::rethrow_exception(teams[i]->failure);
            }
        }
        return n_teams;
    }

    // SPMD: calls body(caller's row, offset of its hidden states) for this member's rows. False if a call of the team
    // threw.
    template <class Body>
    bool for_rows(const member & me, team<T> & t, Body && body) {
        for (int32_t r = me.part.rank; r < t.group->n_rows(); r += me.part.size) {
            try {
                body(t.group->group->rows[r], int64_t(t.group->begin(r)) * base.hp.n_embd);
            } catch (...) {
                t.fail(std::current_exception());
            }
        }
        me.sync();
        return !t.failed();
    }

    // Adds the teams' gradients to the first team's, team after team, and returns it.
    const float * sum_gradients(int32_t n_teams) {
        pool.run([&](int32_t rank) {
            const int64_t n    = lora.gradient_size();
            const int64_t from = n * rank / pool.size();
            const int64_t to   = n * (rank + 1) / pool.size();
            float *       sum  = teams[0]->gradient.data();
            for (int32_t t = 1; t < n_teams; ++t) {
                const float * add = teams[t]->gradient.data();
                for (int64_t i = from; i < to; ++i) {
                    sum[i] += add[i];
                }
            }
        });
        return teams[0]->gradient.data();
    }

private:
    // SPMD: one group of the team after the other.
    template <class Finish>
    void work(const member & me, team<T> & t, const std::vector<row_group> & groups, const std::vector<engine_row> & rows,
              run_mode mode, const engine_dropout & dropout, Finish && finish) {
        if (mode != run_mode::infer) {
            zero_share(me, t.gradient.data(), lora.gradient_size());
        }
        for (const row_group & group : groups) {
            me.sync(); // the former group is no longer in use
            if (t.failed()) {
                return;
            }
            if (me.part.rank == 0) {
                t.group = std::make_unique<prepared_group>(group, rows, base.frequencies);
            }
            me.sync();
            t.runner.forward(me, *t.group, dropout);
            int32_t from, to;
            me.range(0, group.n_tokens(), from, to);
            final_norm(base.hp, base.output_norm, t.runner.x, from, to, t.hidden.data());
            if (mode != run_mode::infer) {
                zero_share(me, t.d_hidden.data(), int64_t(group.n_tokens()) * base.hp.n_embd);
            }
            me.sync();
            finish(me, t);
        }
    }

    void prepare(const work_plan & plan, run_mode mode) {
        while (teams.size() < plan.teams.size()) {
            teams.push_back(std::make_unique<team<T>>(base, lora, table_of<T>(set)));
        }
        for (size_t i = 0; i < plan.teams.size(); ++i) {
            team<T> & t = *teams[i];
            int32_t   n = 0;
            for (const row_group & g : plan.teams[i]) {
                n = std::max(n, g.n_tokens());
            }
            t.meeting = plan.team_size > 1 ? std::make_unique<barrier>(plan.team_size) : nullptr;
            t.failure = nullptr;
            t.hidden.reserve(int64_t(n) * base.hp.n_embd);
            t.runner.reserve(n, batches(mode).chunk, mode);
            if (mode != run_mode::infer) {
                t.d_hidden.reserve(int64_t(n) * base.hp.n_embd);
                t.gradient.reserve(lora.gradient_size());
            }
        }
    }

    static void zero_share(const member & me, float * p, int64_t n) {
        const int64_t from = n * me.part.rank / me.part.size;
        const int64_t to   = n * (me.part.rank + 1) / me.part.size;
        std::fill(p + from, p + to, 0.0f);
    }

    const kernel_set &                    set;
    weights<T> &                          base;
    adapters<T> &                         lora;
    thread_pool &                         pool;
    std::vector<std::unique_ptr<team<T>>> teams;
};

} // namespace magnet::fused
