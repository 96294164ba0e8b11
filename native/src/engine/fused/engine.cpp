// class engine (engine/engine.h) on the parts of this folder.
#include "fused-engine.h"

#include "base/error.h"
#include "base/processors.h"
#include "block.h"
#include "engine/rows.h"
#include "head.h"
#include "kernel-choice.h"

#include <algorithm>
#include <cmath>

namespace magnet::fused {

namespace {

// hidden = x / rms(x) * w, for tokens [from, to).
void final_norm(const hparams & hp, const std::vector<float> & w, matrix_buffer<float> & x, int32_t from, int32_t to,
                float * hidden) {
    for (int32_t t = from; t < to; ++t) {
        const float * in  = x.row(t);
        float         sum = 0.0f;
        for (int32_t i = 0; i < hp.n_embd; ++i) {
            sum += in[i] * in[i];
        }
        const float rstd = 1.0f / std::sqrt(sum / float(hp.n_embd) + hp.eps);
        for (int32_t i = 0; i < hp.n_embd; ++i) {
            hidden[int64_t(t) * hp.n_embd + i] = in[i] * rstd * w[i];
        }
    }
}

void final_norm_backward(const hparams & hp, const std::vector<float> & w, matrix_buffer<float> & x, int32_t from,
                         int32_t to, const float * d_hidden, matrix_buffer<float> & dx) {
    for (int32_t t = from; t < to; ++t) {
        const float * in  = x.row(t);
        const float * g   = d_hidden + int64_t(t) * hp.n_embd;
        float         sum = 0.0f;
        float         dot = 0.0f;
        for (int32_t i = 0; i < hp.n_embd; ++i) {
            sum += in[i] * in[i];
            dot += g[i] * w[i] * in[i];
        }
        const float rstd = 1.0f / std::sqrt(sum / float(hp.n_embd) + hp.eps);
        const float mean = dot * rstd * rstd / float(hp.n_embd);
        for (int32_t i = 0; i < hp.n_embd; ++i) {
            dx.row(t)[i] = rstd * (g[i] * w[i] - in[i] * mean);
        }
    }
}

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

class any_weights : public fused_weights {
public:
    virtual std::unique_ptr<engine> make_engine(const std::shared_ptr<fused_weights> & self,
                                                const fused_engine_params & params) = 0;
};

template <class T>
class loaded_weights : public any_weights {
public:
    loaded_weights(const std::string & path, const kernel_set & set, thread_pool & pool)
        : set(set), base(model_file(path), table_of<T>(set), pool), head(path, base.hp, table_of<T>(set)) {}

    std::unique_ptr<engine> make_engine(const std::shared_ptr<fused_weights> & self,
                                        const fused_engine_params & params) override;

    const kernel_set & set;
    weights<T>         base;
    output_head<T>     head;
};

template <class T>
class fused_engine : public engine {
public:
    fused_engine(std::shared_ptr<loaded_weights<T>> w, const fused_engine_params & params)
        : params(params), shared(std::move(w)), kernels(table_of<T>(shared->set)), base(shared->base),
          head(shared->head), pool(params.n_threads), lora(base) {
        info.arch        = base.hp.arch;
        info.n_vocab     = base.hp.n_vocab;
        info.n_embd      = base.hp.n_embd;
        info.n_layer     = base.hp.n_layer;
        info.n_ctx_train = base.hp.n_ctx_train;
    }

    const engine_shape & shape() const override { return info; }

    std::string describe() const override {
        int64_t bytes = base.bytes() + head.bytes();
        for (const auto & t : teams) {
            bytes += t->runner.bytes() + t->hidden.bytes() + t->d_hidden.bytes() + t->gradient.bytes();
        }
        return "fused engine, " + std::string(shared->set.name) + (sizeof(T) == sizeof(float) ? " f32" : " bf16") + ", " +
               std::to_string(pool.size()) + " threads, " + std::to_string(bytes >> 20) + " MiB";
    }

    std::vector<lora_matrix> targets() const override {
        std::vector<lora_matrix> all;
        for (const layer<T> & l : base.layers) {
            for (const linear<T> & w : l.matrices) {
                all.push_back({ w.target, w.n_in, w.n_out, {}, {} });
            }
        }
        return all;
    }

    void set_lora(const std::vector<const lora_set *> & sets) override {
        const std::lock_guard<std::mutex> lock(mutex);
        lora.set(sets, pool);
    }

    void forward(const std::vector<engine_row> & rows, const std::vector<float *> & hidden) override {
        if (hidden.size() != rows.size()) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT, "forward: one output per row is needed");
        }
        forward_each(rows, [&](int32_t row, const float * h) {
            std::copy_n(h, int64_t(rows[row].n_tokens) * info.n_embd, hidden[row]);
        });
    }

    void forward_each(const std::vector<engine_row> & rows, const row_sink & sink) override {
        const std::lock_guard<std::mutex> lock(mutex);
        run(plan(rows, run_mode::infer), rows, run_mode::infer, {}, [&](const member & me, team<T> & t) {
            for_rows(me, t, [&](int32_t row, int64_t at) { sink(row, t.hidden.data() + at); });
        });
    }

    void train(const std::vector<engine_row> & rows, const row_loss & loss, const engine_dropout & dropout,
               lora_set & grad) override {
        const std::lock_guard<std::mutex> lock(mutex);
        if (!(dropout.p >= 0.0f && dropout.p < 1.0f)) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                        "dropout must lie in [0, 1), not " + std::to_string(dropout.p));
        }
        lora.check_gradient(grad);
        base.prepare_backward(pool);
        const run_mode mode = params.recompute ? run_mode::train_recompute : run_mode::train;
        const int32_t  n_teams =
            run(plan(rows, mode), rows, mode, dropout,
                [&](const member & me, team<T> & t) { backward(me, t, loss, dropout); });
        if (n_teams == 0) {
            return;
        }
        reduce_gradients(n_teams);
        lora.add_gradient(teams[0]->gradient.data(), grad, pool);
    }

    void train_coupled(const std::vector<engine_row> & rows, const row_sink & gather, const std::function<void()> & meet,
                       const row_loss & gradient, lora_set & grad) override {
        check_rows(rows, info.n_vocab);
        if (!fits_at_once(rows)) {
            engine::train_coupled(rows, gather, meet, gradient, grad);
            return;
        }
        const std::lock_guard<std::mutex> lock(mutex);
        lora.check_gradient(grad);
        base.prepare_backward(pool);
        barrier           all(pool.size());
        std::atomic<bool> failed{ false };
        run(plan_at_once(rows, pool.size()), rows, run_mode::train, {}, [&](const member & me, team<T> & t) {
            const auto attempt = [&](const std::function<void()> & what) {
                try {
                    what();
                } catch (...) {
                    t.fail(std::current_exception());
                    failed = true;
                }
            };
            if (!for_rows(me, t, [&](int32_t row, int64_t at) { gather(row, t.hidden.data() + at); })) {
                failed = true;
            }
            all.wait();
            if (&t == teams[0].get() && !failed) {
                attempt(meet);
            }
            all.wait();
            if (!failed) {
                backward(me, t, gradient, {});
            }
        }, &all);
        reduce_gradients(pool.size());
        lora.add_gradient(teams[0]->gradient.data(), grad, pool);
    }

    void logits(const float * hidden, int32_t n, float * out) const override { head.logits(hidden, n, out); }

    void cross_entropy(const float * hidden, const int32_t * index, const int32_t * targets, const float * weight,
                       int32_t n, float * nll, float * d_hidden) const override {
        for (int32_t i = 0; i < n; ++i) {
            check_token(targets[i], info.n_vocab, "target " + std::to_string(i));
        }
        head.cross_entropy(hidden, index, targets, weight, n, nll, d_hidden);
    }

private:
    const batching & batches(run_mode mode) const {
        return mode == run_mode::infer ? shared->set.infer : shared->set.train;
    }

    work_plan plan(const std::vector<engine_row> & rows, run_mode mode) const {
        check_rows(rows, info.n_vocab);
        return rows.empty() ? work_plan() : plan_work(rows, base.hp, batches(mode).tokens, pool.size());
    }

    // True if train_coupled can keep what it computes.
    bool fits_at_once(const std::vector<engine_row> & rows) const {
        if (params.recompute || int64_t(rows.size()) < pool.size()) {
            return false;
        }
        int64_t n = 0;
        for (const engine_row & row : rows) {
            n += row.n_tokens;
        }
        return n * block_runner<T>(base, lora, kernels).kept_bytes_per_token() <= params.coupled_bytes;
    }

    // SPMD: the team's group, from its loss to its share of the gradient.
    void backward(const member & me, team<T> & t, const row_loss & loss, const engine_dropout & dropout) {
        if (!for_rows(me, t, [&](int32_t row, int64_t at) {
                loss(row, t.hidden.data() + at, t.d_hidden.data() + at);
            })) {
            return;
        }
        int32_t from, to;
        me.range(0, t.group->n_tokens(), from, to);
        final_norm_backward(base.hp, base.output_norm, t.runner.x, from, to, t.d_hidden.data(), t.runner.dx);
        me.sync();
        t.runner.backward(me, *t.group, dropout, t.gradient.data());
    }

    // Forward of all rows; finish(me, team) once a group by each of the team's threads, hidden states ready. all: where the
    // teams meet each other.
    template <class Finish>
    int32_t run(const work_plan & plan, const std::vector<engine_row> & rows, run_mode mode,
                const engine_dropout & dropout, Finish && finish, barrier * all = nullptr) {
        const int32_t n_teams = int32_t(plan.teams.size());
        prepare_teams(plan, mode);
        pool.run([&](int32_t rank) {
            if (rank / plan.team_size >= n_teams) {
                return;
            }
            team<T> & t    = *teams[rank / plan.team_size];
            bool      left = false;
            try {
                work(rank, plan, rows, mode, dropout, finish);
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

    // SPMD: one thread's part of run.
    template <class Finish>
    void work(int32_t rank, const work_plan & plan, const std::vector<engine_row> & rows, run_mode mode,
              const engine_dropout & dropout, Finish && finish) {
        team<T> & t = *teams[rank / plan.team_size];
        member    me;
        me.part    = { rank % plan.team_size, plan.team_size };
        me.meeting = t.meeting.get();
        if (mode != run_mode::infer) {
            zero_share(me, t.gradient.data(), lora.gradient_size());
        }
        for (const row_group & group : plan.teams[rank / plan.team_size]) {
            me.sync(); // the former group is no longer in use
            if (t.failed()) {
                return;
            }
            if (me.part.rank == 0) {
                t.group = std::make_unique<prepared_group>(group, rows, base.hp, base.rope_factors);
            }
            me.sync();
            t.runner.forward(me, *t.group, dropout);
            int32_t from, to;
            me.range(0, group.n_tokens(), from, to);
            final_norm(base.hp, base.output_norm, t.runner.x, from, to, t.hidden.data());
            if (mode != run_mode::infer) {
                zero_share(me, t.d_hidden.data(), int64_t(group.n_tokens()) * info.n_embd);
            }
            me.sync();
            finish(me, t);
        }
    }

    void prepare_teams(const work_plan & plan, run_mode mode) {
        while (teams.size() < plan.teams.size()) {
            teams.push_back(std::make_unique<team<T>>(base, lora, kernels));
        }
        for (size_t i = 0; i < plan.teams.size(); ++i) {
            team<T> & t = *teams[i];
            int32_t   n = 0;
            for (const row_group & g : plan.teams[i]) {
                n = std::max(n, g.n_tokens());
            }
            t.meeting = plan.team_size > 1 ? std::make_unique<barrier>(plan.team_size) : nullptr;
            t.failure = nullptr;
            t.hidden.reserve(int64_t(n) * info.n_embd);
            t.runner.reserve(n, batches(mode).chunk, mode);
            if (mode != run_mode::infer) {
                t.d_hidden.reserve(int64_t(n) * info.n_embd);
                t.gradient.reserve(lora.gradient_size());
            }
        }
    }

    // Calls body(caller's row, offset of its hidden states) for this member's rows. False if a call of the team threw.
    template <class Body>
    bool for_rows(const member & me, team<T> & t, Body && body) {
        for (int32_t r = me.part.rank; r < t.group->n_rows(); r += me.part.size) {
            try {
                body(t.group->group->rows[r], int64_t(t.group->begin(r)) * info.n_embd);
            } catch (...) {
                t.fail(std::current_exception());
            }
        }
        me.sync();
        return !t.failed();
    }

    static void zero_share(const member & me, float * p, int64_t n) {
        const int64_t from = n * me.part.rank / me.part.size;
        const int64_t to   = n * (me.part.rank + 1) / me.part.size;
        std::fill(p + from, p + to, 0.0f);
    }

    // Into the first team's, team after team.
    void reduce_gradients(int32_t n_teams) {
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
    }

    const fused_engine_params             params;
    std::shared_ptr<loaded_weights<T>>    shared;
    const kernel_table<T> &               kernels;
    weights<T> &                          base;
    output_head<T> &                      head;
    thread_pool                           pool;
    adapters<T>                           lora;
    engine_shape                          info;
    std::vector<std::unique_ptr<team<T>>> teams;
    std::mutex                            mutex; // one call that uses the teams at a time
};

template <class T>
std::unique_ptr<engine> loaded_weights<T>::make_engine(const std::shared_ptr<fused_weights> & self,
                                                       const fused_engine_params & params) {
    return std::make_unique<fused_engine<T>>(std::static_pointer_cast<loaded_weights<T>>(self), params);
}

int32_t threads_of(const fused_engine_params & params) {
    if (params.n_threads < 0 || params.n_threads > 4096) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                    "n_threads must lie in [0, 4096], not " + std::to_string(params.n_threads));
    }
    if (params.n_threads == 0) {
        return physical_cores();
    }
    threads_worth(params.n_threads); // warns; as many as asked for run all the same, because gradients depend on how many
    return params.n_threads;
}

} // namespace

std::shared_ptr<fused_weights> load_weights(const std::string & path, const fused_engine_params & params,
                                            const kernel_set & set) {
    thread_pool pool(threads_of(params));
    if (params.precision == engine_precision::f32) {
        return std::make_shared<loaded_weights<float>>(path, set, pool);
    }
    return std::make_shared<loaded_weights<bf16>>(path, set, pool);
}

} // namespace magnet::fused

namespace magnet {

bool fused_engine_covers(const std::string & path, std::string & why) {
    try {
        const fused::model_file file(path);
        why.clear();
        return true;
    } catch (const error & e) {
        why = e.what();
        return false;
    }
}

std::shared_ptr<fused_weights> load_fused_weights(const std::string & path, const fused_engine_params & params) {
    return fused::load_weights(path, params, fused::choose_kernels(params.kernel));
}

std::unique_ptr<engine> make_fused_engine(std::shared_ptr<fused_weights> weights, const fused_engine_params & params) {
    fused_engine_params p = params;
    p.n_threads           = fused::threads_of(params);
    return static_cast<fused::any_weights &>(*weights).make_engine(weights, p);
}

std::unique_ptr<engine> make_fused_engine(const std::string & path, const fused_engine_params & params) {
    return make_fused_engine(load_fused_weights(path, params), params);
}

} // namespace magnet
