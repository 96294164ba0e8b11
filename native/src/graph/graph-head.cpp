#include "graph-head.h"

#include "engine/kernel-choice.h"
#include "magnet-context.h"

#include <algorithm>

namespace magnet {

static int32_t chunk_for(int32_t n_vocab) { return std::clamp(8 * 1024 * 1024 / n_vocab, 16, 256); }

static const llama_model * model_of(llama_context * context) { return llama_get_model(context); }

graph_head::graph_head(llama_context * context, frozen_weights & frozen, bool exact, int32_t n_threads)
    : frozen_(frozen), exact_(exact), n_embd_(llama_model_n_embd_out(model_of(context))),
      n_vocab_(llama_vocab_n_tokens(llama_model_get_vocab(model_of(context)))), chunk_(chunk_for(n_vocab_)),
      forward_(context), runner_(llama_backends(context)), pool_(n_threads) {
    if (!exact && runner_.cpu_only()) {
        products_ = std::make_unique<cpu_products>(n_threads);
    }
}

void graph_head::build(int32_t n) {
    build_head(forward_, n, rules());
    d_ = nullptr;
}

void graph_head::prepare_gradient(int32_t n) {
    if (!seed_) {
        seed_context_ = make_context(1);
        seed_         = ggml_new_tensor_2d(seed_context_.get(), GGML_TYPE_F32, n_vocab_, chunk_);
        seed_buffer_  = allocate(seed_context_.get(), device_of(forward_.logits()));
    }
    ggml_tensor * seed = ggml_view_2d(forward_.context(), seed_, n_vocab_, n, seed_->nb[1], 0);
    d_                 = add_gradients(forward_, forward_.logits(), seed, { forward_.hidden() }, rules()).front();
}

void graph_head::logits(const float * hidden, int32_t n, float * out) {
    const std::lock_guard<std::mutex> lock(mutex_);
    runner_.set_threads(pool_.size());
    for (int32_t begin = 0; begin < n; begin += chunk_) {
        const int32_t rows = std::min(chunk_, n - begin);
        build(rows);
        runner_.run(forward_.graph(), [&] {
            ggml_backend_tensor_set(forward_.hidden(), hidden + (int64_t) begin * n_embd_, 0,
                                    ggml_nbytes(forward_.hidden()));
        });
        ggml_backend_tensor_get(forward_.logits(), out + (int64_t) begin * n_vocab_, 0, ggml_nbytes(forward_.logits()));
    }
}

void graph_head::cross_entropy(const float * hidden, const int32_t * index, const int32_t * targets,
                               const float * weight, int32_t n, float * nll, float * d_hidden) {
    const std::lock_guard<std::mutex>   lock(mutex_);
    const fused::kernel_table<float> &  kernels = *fused::choose_kernels("").f32_table;
    std::vector<float>                  in(std::min(n, chunk_) * (size_t) n_embd_);
    runner_.set_threads(pool_.size());
    for (int32_t begin = 0; begin < n; begin += chunk_) {
        const int32_t rows = std::min(chunk_, n - begin);
        const auto    at   = [&](int32_t i) { return (int64_t) (index ? index[begin + i] : begin + i) * n_embd_; };
        for (int32_t i = 0; i < rows; ++i) {
            std::copy_n(hidden + at(i), n_embd_, in.begin() + (size_t) i * n_embd_);
        }
        build(rows);
        if (d_hidden) {
            prepare_gradient(rows);
        }
        const auto read = [&] {
            scores_.resize((size_t) rows * n_vocab_);
            ggml_backend_tensor_get(forward_.logits(), scores_.data(), 0, ggml_nbytes(forward_.logits()));
            d_scores_.resize(d_hidden ? scores_.size() : 0);
            fused::parallel_for(pool_, rows, [&](int32_t i) {
                const float * row = scores_.data() + (size_t) i * n_vocab_;
                const float   lse = kernels.log_sum_exp(row, n_vocab_);
                nll[begin + i]    = lse - row[targets[begin + i]];
                if (d_hidden) {
                    kernels.softmax_gradient(row, n_vocab_, lse, targets[begin + i], weight ? weight[begin + i] : 1.0f,
                                             d_scores_.data() + (size_t) i * n_vocab_);
                }
            });
            if (d_hidden) {
                ggml_backend_tensor_set(seed_, d_scores_.data(), 0, d_scores_.size() * sizeof(float));
            }
        };
        runner_.run(
            forward_.graph(),
            [&] { ggml_backend_tensor_set(forward_.hidden(), in.data(), 0, ggml_nbytes(forward_.hidden())); },
            d_hidden ? forward_.logits() : nullptr, read);
        if (!d_hidden) {
            read();
            continue;
        }
        ggml_backend_tensor_get(d_, in.data(), 0, ggml_nbytes(d_));
        for (int32_t i = 0; i < rows; ++i) {
            for (int32_t c = 0; c < n_embd_; ++c) {
                d_hidden[at(i) + c] += in[(size_t) i * n_embd_ + c];
            }
        }
    }
}

void graph_head::count(device_memory & memory) const {
    runner_.count(memory);
    memory.add("activations", seed_buffer_.get());
    if (products_) {
        products_->count(memory);
    }
}

} // namespace magnet
