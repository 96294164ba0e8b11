// class engine (engine/engine.h) on the parts of this folder.
#include "fused-engine.h"

#include "base/error.h"
#include "base/once.h"
#include "base/processors.h"
#include "decoding.h"
#include "engine/rows.h"
#include "final-norm.h"
#include "head.h"
#include "kernel-choice.h"
#include "teams.h"

#include <algorithm>
#include <atomic>

namespace magnet::fused {

namespace {

class any_weights : public fused_weights {
public:
    virtual std::unique_ptr<engine> make_engine(const std::shared_ptr<fused_weights> & self,
                                                const fused_engine_params & params) = 0;
};

template <class T>
class loaded_weights : public any_weights {
public:
    loaded_weights(const std::string & path, const kernel_set & set, thread_pool & pool, bool copies)
        : set(set), base(model_file(path), table_of<T>(set), pool, copies), head(path, base.hp, table_of<T>(set), &base.embeddings), path(path) {
        if (!copies) {
            pack(pool);
            base.use_stored(*as_stored);
            if (as_stored->head().packed) {
                head.use_stored(as_stored->head().packed->source());
            }
        }
    }

    std::unique_ptr<engine> make_engine(const std::shared_ptr<fused_weights> & self,
                                        const fused_engine_params & params) override;

    // The same as the file stores them, packed when first asked for; NULL where they cannot be multiplied so, and in the
    // exact mode, which rounds nothing.
    const stored_weights * stored(thread_pool & pool);

    int64_t bytes() const { return base.bytes() + head.bytes() + stored_bytes; }

    const kernel_set & set;
    weights<T>         base;
    output_head<T>     head;

private:
    void pack(thread_pool & pool) {
        as_stored    = std::make_unique<stored_weights>(path, base, pool);
        stored_bytes = as_stored->bytes();
    }

    const std::string               path;
    once                            mapped;
    std::unique_ptr<stored_weights> as_stored;
    std::atomic<int64_t>            stored_bytes{ 0 }; // asked for while another thread packs
};

template <class T>
const stored_weights * loaded_weights<T>::stored(thread_pool & pool) {
    mapped([&] {
        try {
            if (!as_stored && sizeof(T) != sizeof(float)) {
                pack(pool);
            }
        } catch (const error & e) {
            if (e.status != MAGNET_STATUS_UNSUPPORTED) {
                throw;
            }
        }
    });
    return sizeof(T) == sizeof(float) ? nullptr : as_stored.get();
}

template <class T>
class fused_engine : public engine {
public:
    fused_engine(std::shared_ptr<loaded_weights<T>> w, const fused_engine_params & params)
        : params(params), shared(std::move(w)), kernels(table_of<T>(shared->set)), base(shared->base),
          head(shared->head), pool(params.n_threads), n_forward(params.n_threads), lora(base),
          teams(shared->set, base, lora, pool), decoder(base, head, lora, shared->set, pool) {
        info.arch        = base.hp.arch;
        info.n_vocab     = base.hp.n_vocab;
        info.n_embd      = base.hp.n_embd;
        info.n_layer     = base.hp.n_layer;
        info.n_ctx_train = base.hp.n_ctx_train;
    }

    const engine_shape & shape() const override { return info; }

    std::string describe() const override {
        const int64_t bytes = shared->bytes() + teams.bytes() + decoder.bytes();
        return "fused engine, " + std::string(shared->set.name) + (sizeof(T) == sizeof(float) ? " f32" : " bf16") + ", " +
               std::to_string(pool.size()) + " threads, " + std::to_string(bytes >> 20) + " MiB";
    }

    std::vector<lora_matrix> targets() const override {
        std::vector<lora_matrix> all;
        for (const layer<T> & l : base.layers) {
            for (const linear<T> & w : l.matrices) {
                if (w.target_index == int32_t(all.size())) { // else a part of the last one
                    all.push_back({ w.target, w.n_in, w.target_rows, {}, {} });
                }
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

    void limit_threads(int32_t n) override { n_forward = std::clamp(n, 1, pool.size()); }

    void forward_each(const std::vector<engine_row> & rows, const row_sink & sink) override {
        const std::lock_guard<std::mutex> lock(mutex);
        teams.run(plan(rows, run_mode::infer), rows, run_mode::infer, {}, [&](const member & me, team<T> & t) {
            teams.for_rows(me, t, [&](int32_t row, int64_t at) { sink(row, t.hidden.data() + at); });
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
            teams.run(plan(rows, mode), rows, mode, dropout,
                [&](const member & me, team<T> & t) { backward(me, t, loss, dropout); });
        if (n_teams == 0) {
            return;
        }
        lora.add_gradient(teams.sum_gradients(n_teams), grad, pool);
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
        teams.run(plan_at_once(rows, pool.size()), rows, run_mode::train, {}, [&](const member & me, team<T> & t) {
            const auto attempt = [&](const std::function<void()> & what) {
                try {
                    what();
                } catch (...) {
                    t.fail(std::current_exception());
                    failed = true;
                }
            };
            if (!teams.for_rows(me, t, [&](int32_t row, int64_t at) { gather(row, t.hidden.data() + at); })) {
                failed = true;
            }
            all.wait();
            if (teams.is_first(t) && !failed) {
                attempt(meet);
            }
            all.wait();
            if (!failed) {
                backward(me, t, gradient, {});
            }
        }, &all);
        lora.add_gradient(teams.sum_gradients(pool.size()), grad, pool);
    }

    std::unique_ptr<kv_cache> make_cache(bool eight_bits) override { return decoder.make_cache(eight_bits); }

    void extend(const std::vector<cached_row> & rows) override {
        const std::lock_guard<std::mutex> lock(mutex);
        decoder.extend(rows, shared->stored(pool));
    }

    void logits(const float * hidden, int32_t n, float * out) const override { head.logits(hidden, n, out); }

    void cross_entropy(const float * hidden, const int32_t * index, const int32_t * targets, const float * weight,
                       int32_t n, float * nll, float * d_hidden) const override {
        for (int32_t i = 0; i < n; ++i) {
            check_token(targets[i], info.n_vocab, "target " + std::to_string(i));
        }
        head.cross_entropy(hidden, index, targets, weight, n, nll, d_hidden);
    }

    void divergence(const float * base, const float * hidden, float weight, int32_t n, float * out,
                    float * d_hidden) const override {
        head.divergence(base, hidden, weight, n, out, d_hidden);
    }

private:
    work_plan plan(const std::vector<engine_row> & rows, run_mode mode) const {
        check_rows(rows, info.n_vocab);
        return rows.empty() ? work_plan()
                            : plan_work(rows, base.hp, teams.batches(mode).tokens,
                                        mode == run_mode::infer ? n_forward.load() : pool.size());
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
        if (!teams.for_rows(me, t, [&](int32_t row, int64_t at) {
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

    const fused_engine_params          params;
    std::shared_ptr<loaded_weights<T>> shared;
    const kernel_table<T> &            kernels;
    weights<T> &                       base;
    output_head<T> &                   head;
    thread_pool                        pool;
    std::atomic<int32_t>               n_forward; // threads of a forward pass
    adapters<T>                        lora;
    engine_shape                       info;
    thread_teams<T>                    teams;
    decoding<T>                        decoder;
    std::mutex                         mutex; // one call that uses the teams at a time
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
        return std::make_shared<loaded_weights<float>>(path, set, pool, params.copies);
    }
    return std::make_shared<loaded_weights<bf16>>(path, set, pool, params.copies);
}

} // namespace magnet::fused

namespace magnet {

bool fused_engine_covers(const std::string & path, std::string & why, fused_engine_memory * memory) {
    try {
        const fused::model_file file(path);
        if (memory != nullptr) {
            *memory = fused::memory_of_weights(file);
        }
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
