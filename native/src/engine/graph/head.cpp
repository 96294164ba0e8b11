#include "head.h"

#include "engine/fused/kernel-choice.h"
#include "loss.h"
#include "model/context.h"

#include <algorithm>
#include <cfloat>
#include <cmath>

namespace magnet::graph {

static int32_t chunk_for(int32_t n_vocab) { return std::clamp(8 * 1024 * 1024 / n_vocab, 16, 256); }

static void set(ggml_tensor * t, const void * values) { ggml_backend_tensor_set(t, values, 0, ggml_nbytes(t)); }

static const llama_model * model_of(llama_context * context) { return llama_get_model(context); }

graph_head::graph_head(llama_context * context, frozen_weights & frozen, bool exact, int32_t n_threads)
    : frozen_(frozen), exact_(exact), n_embd_(llama_model_n_embd_out(model_of(context))),
      n_vocab_(llama_vocab_n_tokens(llama_model_get_vocab(model_of(context)))), chunk_size_(chunk_for(n_vocab_)),
      forward_(context), runner_(llama_backends(context)), pool_(n_threads) {
    if (!exact && runner_.cpu_only()) {
        products_ = std::make_unique<cpu_products>(n_threads);
    }
}

void graph_head::logits(const float * hidden, int32_t n, float * out) {
    const std::lock_guard<std::mutex> lock(mutex_);
    runner_.set_threads(pool_.size());
    for (int32_t begin = 0; begin < n; begin += chunk_size_) {
        build_head(forward_, std::min(chunk_size_, n - begin), rules());
        runner_.run(forward_.graph(), [&] { set(forward_.hidden(), hidden + (int64_t) begin * n_embd_); });
        ggml_backend_tensor_get(forward_.logits(), out + (int64_t) begin * n_vocab_, 0, ggml_nbytes(forward_.logits()));
    }
}

void graph_head::cross_entropy(const float * hidden, const int32_t * index, const int32_t * targets,
                               const float * weight, int32_t n, float * nll, float * d_hidden) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<float>                in(std::min(n, chunk_size_) * (size_t) n_embd_);
    runner_.set_threads(pool_.size());
    for (int32_t begin = 0; begin < n; begin += chunk_size_) {
        const int32_t rows = std::min(chunk_size_, n - begin);
        const auto    at   = [&](int32_t i) { return (int64_t) (index ? index[begin + i] : begin + i) * n_embd_; };
        for (int32_t i = 0; i < rows; ++i) {
            std::copy_n(hidden + at(i), n_embd_, in.begin() + (size_t) i * n_embd_);
        }
        const chunk c = { in.data(), targets + begin, weight ? weight + begin : nullptr, rows, nll + begin,
                          d_hidden ? in.data() : nullptr };
        build_head(forward_, rows, rules());
        if (products_) {
            loss_on_host(c);
        } else {
            loss_in_graph(c);
        }
        for (int32_t i = 0; d_hidden && i < rows; ++i) {
            for (int32_t k = 0; k < n_embd_; ++k) {
                d_hidden[at(i) + k] += in[(size_t) i * n_embd_ + k];
            }
        }
    }
}

void graph_head::prepare_seed() {
    if (!seed_) {
        seed_context_ = make_context(1);
        ggml_tensor * seed = ggml_new_tensor_2d(seed_context_.get(), GGML_TYPE_F32, n_vocab_, chunk_size_);
        seed_buffer_       = allocate(seed_context_.get(), device_of(forward_.logits()));
        seed_              = seed;
    }
}

void graph_head::run_on_host(const float * hidden, int32_t n, float * d_hidden, const score_use & use) {
    ggml_tensor * d = nullptr;
    if (d_hidden) {
        prepare_seed();
        ggml_tensor * seed = ggml_view_2d(forward_.context(), seed_, n_vocab_, n, seed_->nb[1], 0);
        d                  = add_gradients(forward_, forward_.logits(), seed, { forward_.hidden() }, rules()).front();
    }
    const auto read = [&] {
        scores_.resize((size_t) n * n_vocab_);
        ggml_backend_tensor_get(forward_.logits(), scores_.data(), 0, ggml_nbytes(forward_.logits()));
        d_scores_.resize(d ? scores_.size() : 0);
        parallel_for(pool_, n, [&](int32_t i) {
            use(i, scores_.data() + (size_t) i * n_vocab_, d ? d_scores_.data() + (size_t) i * n_vocab_ : nullptr);
        });
        if (d) {
            ggml_backend_tensor_set(seed_, d_scores_.data(), 0, d_scores_.size() * sizeof(float));
        }
    };
    const auto fill = [&] { set(forward_.hidden(), hidden); };
    if (d) {
        runner_.run(forward_.graph(), fill, forward_.logits(), read);
        ggml_backend_tensor_get(d, d_hidden, 0, ggml_nbytes(d));
    } else {
        runner_.run(forward_.graph(), fill);
        read();
    }
}

void graph_head::loss_on_host(const chunk & c) {
    const fused::kernel_table<float> & kernels = *fused::choose_kernels("").f32_table;
    run_on_host(c.hidden, c.n, c.d_hidden, [&](int32_t i, const float * row, float * d_row) {
        const float lse = kernels.log_sum_exp(row, n_vocab_);
        c.nll[i]        = lse - row[c.targets[i]];
        if (d_row) {
            kernels.softmax_gradient(row, n_vocab_, lse, c.targets[i], c.weight ? c.weight[i] : 1.0f, d_row);
        }
    });
}

void graph_head::divergence(const float * base, const float * hidden, float weight, int32_t n, float * out, float * d_hidden) {
    const std::lock_guard<std::mutex>  lock(mutex_);
    const fused::kernel_table<float> & kernels = *fused::choose_kernels("").f32_table;
    std::vector<float>                 of_base, d(std::min(n, chunk_size_) * (size_t) n_embd_);
    runner_.set_threads(pool_.size());
    for (int32_t begin = 0; begin < n; begin += chunk_size_) {
        const int32_t rows = std::min(chunk_size_, n - begin);
        const int64_t at   = (int64_t) begin * n_embd_;
        build_head(forward_, rows, rules());
        run_on_host(base + at, rows, nullptr, [](int32_t, const float *, float *) {});
        of_base.swap(scores_);
        build_head(forward_, rows, rules());
        run_on_host(hidden + at, rows, d_hidden ? d.data() : nullptr, [&](int32_t i, const float * row, float * d_row) {
            const float * p = of_base.data() + (size_t) i * n_vocab_;
            out[begin + i]  = kernels.softmax_difference(row, kernels.log_sum_exp(row, n_vocab_), p,
                                                         kernels.log_sum_exp(p, n_vocab_), n_vocab_, weight, d_row);
        });
        for (int64_t k = 0; d_hidden && k < (int64_t) rows * n_embd_; ++k) {
            d_hidden[at + k] += d[k];
        }
    }
}

void graph_head::loss_in_graph(const chunk & c) {
    const graph_loss loss = add_loss(forward_, c.d_hidden != nullptr);
    ggml_tensor *    d    = c.d_hidden
        ? add_gradients(forward_, forward_.logits(), loss.d_logits, { forward_.hidden() }, rules()).front()
        : nullptr;
    runner_.run(forward_.graph(), [&] {
        std::vector<int32_t> target(c.n);
        for (int32_t i = 0; i < c.n; ++i) {
            target[i] = i * n_vocab_ + c.targets[i];
        }
        set(forward_.hidden(), c.hidden);
        set(loss.target, target.data());
        if (d) {
            const std::vector<float> ones(c.n, 1.0f);
            set(loss.weight, c.weight ? c.weight : ones.data());
        }
    });
    std::vector<float> p(c.n);
    ggml_backend_tensor_get(loss.probability, p.data(), 0, ggml_nbytes(loss.probability));
    for (int32_t i = 0; i < c.n; ++i) {
        // a target may have less probability than a float can say
        c.nll[i] = p[i] >= FLT_MIN ? -std::log(p[i]) : nll_of(i, c.targets[i]);
    }
    if (d) {
        ggml_backend_tensor_get(d, c.d_hidden, 0, ggml_nbytes(d));
    }
}

float graph_head::nll_of(int32_t position, int32_t target) {
    scores_.resize(n_vocab_);
    ggml_backend_tensor_get(forward_.logits(), scores_.data(), position * forward_.logits()->nb[1],
                            n_vocab_ * sizeof(float));
    return fused::choose_kernels("").f32_table->log_sum_exp(scores_.data(), n_vocab_) - scores_[target];
}

void graph_head::count(device_memory & memory) const {
    runner_.count(memory);
    memory.add("activations", seed_buffer_.get());
    if (products_) {
        products_->count(memory);
    }
}

} // namespace magnet::graph
