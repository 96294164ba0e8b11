#include "adapters.h"
#include "base/error.h"
#include "base/log.h"
#include "base/processors.h"
#include "dropout.h"
#include "engine/engine.h"
#include "engine/rows.h"
#include "head.h"
#include "magnet-mask.h"
#include "model/context.h"
#include "model/model.h"
#include "rewrite.h"
#include "runner.h"
#include "targets.h"

#include <algorithm>
#include <limits>
#include <mutex>

namespace magnet::graph {

namespace {

using llama_model_ptr = std::unique_ptr<llama_model, llama_model_deleter>;

llama_model_ptr load(const std::string & path, const graph_engine_params & params) {
    llama_model_params p = llama_model_default_params();
    p.n_gpu_layers       = params.n_gpu_layers;
    // without layers on a GPU none is named, else it gets large products all the same
    ggml_backend_dev_t no_device = nullptr;
    p.devices            = params.n_gpu_layers == 0 ? &no_device : nullptr;
    p.use_extra_bufts    = false; // weights in a form that only products read cannot be copied
    log_capture     capture;
    llama_model_ptr m(llama_model_load_from_file(path.c_str(), p));
    if (!m) {
        throw error(MAGNET_STATUS_UNSUPPORTED, "llama.cpp cannot load " + path + capture.reason() + ".");
    }
    return m;
}

std::string meta(const llama_model * model, const char * key) {
    char      value[256];
    const int n = llama_model_meta_val_str(model, key, value, sizeof(value));
    return n > 0 ? value : "";
}

// Rows that go through the graph together.
struct graph_pass {
    std::vector<int32_t> rows;
    int32_t              n_tokens = 0;
};

class graph_engine : public engine {
public:
    graph_engine(const std::string & path, const graph_engine_params & p)
        : params_(p), model_(load(path, p)), context_(make_training_context(model_.get(), p.n_threads)),
          frozen_(p.precision == engine_precision::f32), forward_(context_.get()),
          runner_(llama_backends(context_.get())), head_(context_.get(), frozen_, exact(), p.n_threads),
          targets_(adaptable_matrices(forward_, model_.get())), adapters_(model_.get(), targets_) {
        const llama_vocab * vocab = llama_model_get_vocab(model_.get());
        shape_.arch               = meta(model_.get(), "general.architecture");
        shape_.n_vocab            = llama_vocab_n_tokens(vocab);
        shape_.n_embd             = llama_model_n_embd_out(model_.get());
        shape_.n_layer            = llama_model_n_layer(model_.get());
        shape_.n_ctx_train        = llama_model_n_ctx_train(model_.get());
        if (const ggml_tensor * learned = llama_weight(model_.get(), "position_embd.weight")) {
            n_positions_ = (int32_t) learned->ne[1];
        }
        tokens_per_pass_ = p.tokens_per_pass > 0 ? p.tokens_per_pass : tokens_of_pass(!runner_.cpu_only());
        if (!exact() && runner_.cpu_only()) {
            products_ = std::make_unique<cpu_products>(p.n_threads);
        }
    }

    const engine_shape & shape() const override { return shape_; }

    std::string describe() const override {
        std::string devices;
        for (ggml_backend_t backend : llama_backends(context_.get())) {
            devices += (devices.empty() ? "" : " + ") + std::string(ggml_backend_name(backend));
        }
        device_memory memory;
        for (const auto & [type, bytes] : llama_weight_bytes(model_.get())) {
            memory.add("weights", type, (int64_t) bytes);
        }
        memory.add("activations", seed_buffer_.get());
        if (products_) {
            products_->count(memory);
        }
        frozen_.count(memory);
        adapters_.count(memory);
        runner_.count(memory);
        head_.count(memory);
        return "graph engine: " + shape_.arch + " on " + devices + ", " + (exact() ? "f32" : "bf16") + ", " +
               std::to_string(params_.n_threads) + " threads, " + memory.text();
    }

    std::vector<lora_matrix> targets() const override { return targets_; }

    void set_lora(const std::vector<const lora_set *> & sets) override {
        const std::lock_guard<std::mutex> lock(mutex_);
        for (const lora_tensors & term : adapters_.terms()) {
            frozen_.forget(term.a);
            frozen_.forget(term.b);
        }
        const auto use = [&] {
            forward_.set_lora(adapters_.terms());
            if (products_) {
                products_->set_lora(adapters_.terms());
            }
        };
        try {
            adapters_.set(sets);
        } catch (...) {
            use(); // the graph must not hold tensors that are gone
            throw;
        }
        use();
    }

    void forward(const std::vector<engine_row> & rows, const std::vector<float *> & hidden) override {
        if (hidden.size() != rows.size()) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT, "forward: one output per row is needed.");
        }
        forward_each(rows, [&](int32_t i, const float * h) {
            std::copy_n(h, (int64_t) rows[i].n_tokens * shape_.n_embd, hidden[i]);
        });
    }

    void forward_each(const std::vector<engine_row> & rows, const row_sink & sink) override {
        const std::lock_guard<std::mutex> lock(mutex_);
        for (const graph_pass & pass : plan(rows)) {
            build(rows, pass, {});
            run_forward();
            for_rows(rows, pass, [&](int32_t r, int64_t at) { sink(r, hidden_.data() + at); });
        }
    }

    void train(const std::vector<engine_row> & rows, const row_loss & loss, const engine_dropout & dropout,
               lora_set & grad) override {
        if (!(dropout.p >= 0.0f && dropout.p < 1.0f)) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                        "dropout must lie in [0, 1), not " + std::to_string(dropout.p) + ".");
        }
        const std::lock_guard<std::mutex> lock(mutex_);
        adapters_.check_gradient(grad);
        adapters_.clear_sums();
        for (const graph_pass & pass : plan(rows)) {
            train_pass(rows, pass, loss, dropout);
        }
        adapters_.add_sums_to(grad);
    }

    void logits(const float * hidden, int32_t n, float * out) const override { head_.logits(hidden, n, out); }

    void cross_entropy(const float * hidden, const int32_t * index, const int32_t * targets, const float * weight,
                       int32_t n, float * nll, float * d_hidden) const override {
        for (int32_t i = 0; i < n; ++i) {
            check_token(targets[i], shape_.n_vocab, "target " + std::to_string(i));
        }
        head_.cross_entropy(hidden, index, targets, weight, n, nll, d_hidden);
    }

    void divergence(const float * base, const float * hidden, float weight, int32_t n, float * out,
                    float * d_hidden) const override {
        head_.divergence(base, hidden, weight, n, out, d_hidden);
    }

private:
    bool exact() const { return params_.precision == engine_precision::f32; }

    product_rules rules() const { return { frozen_, exact(), products_.get() }; }

    std::vector<graph_pass> plan(const std::vector<engine_row> & rows) const {
        constexpr size_t        max_rows = 256; // llama.cpp counts sequences up to this (LLAMA_MAX_SEQ)
        std::vector<graph_pass> passes;
        check_rows(rows, shape_.n_vocab, n_positions_);
        for (size_t r = 0; r < rows.size(); ++r) {
            const int32_t n = rows[r].n_tokens;
            if (passes.empty() || passes.back().n_tokens + n > tokens_per_pass_ ||
                passes.back().rows.size() == max_rows) {
                passes.emplace_back();
            }
            passes.back().rows.push_back((int32_t) r);
            passes.back().n_tokens += n;
        }
        return passes;
    }

    void build(const std::vector<engine_row> & rows, const graph_pass & pass, const engine_dropout & dropout) {
        std::vector<token_place> places;
        batch_.clear();
        for (size_t s = 0; s < pass.rows.size(); ++s) {
            const engine_row & row = rows[pass.rows[s]];
            for (int32_t i = 0; i < row.n_tokens; ++i) {
                batch_.add(row.tokens[i], row.pos ? row.pos[i] : i,
                           row.roles ? row.roles[i] : (int8_t) MAGNET_MASK_SPAN, (int32_t) s, true);
                places.push_back({ pass.rows[s], i });
            }
        }
        build_blocks(forward_, batch_, places, adapters_, dropout_, dropout, rules());
    }

    template <class Body>
    void for_rows(const std::vector<engine_row> & rows, const graph_pass & pass, Body && body) {
        int64_t at = 0;
        for (const int32_t r : pass.rows) {
            body(r, at);
            at += (int64_t) rows[r].n_tokens * shape_.n_embd;
        }
    }

    void read_hidden() {
        hidden_.resize((size_t) ggml_nelements(forward_.hidden()));
        ggml_backend_tensor_get(forward_.hidden(), hidden_.data(), 0, ggml_nbytes(forward_.hidden()));
    }

    void run_forward() {
        runner_.set_threads(params_.n_threads);
        runner_.run(forward_.graph(), [&] { forward_.set_inputs(); });
        read_hidden();
    }

    void reserve_seed(int32_t n_tokens) {
        if (seed_ && seed_->ne[1] >= n_tokens) {
            return;
        }
        seed_buffer_.reset();
        seed_context_ = make_context(1);
        seed_         = nullptr; // until it has memory
        ggml_tensor * seed = ggml_new_tensor_2d(seed_context_.get(), GGML_TYPE_F32, shape_.n_embd, n_tokens);
        seed_buffer_       = allocate(seed_context_.get(), device_of(forward_.hidden()));
        seed_              = seed;
    }

    void train_pass(const std::vector<engine_row> & rows, const graph_pass & pass, const row_loss & loss,
                    const engine_dropout & dropout) {
        build(rows, pass, dropout);
        reserve_seed(pass.n_tokens);
        ggml_context * c         = forward_.context();
        ggml_tensor *  hidden    = forward_.hidden();
        ggml_tensor *  seed      = ggml_view_2d(c, seed_, shape_.n_embd, pass.n_tokens, seed_->nb[1], 0);
        add_gradients(forward_, hidden, seed, adapters_.trained(), rules(), adapters_.sums());

        runner_.set_threads(params_.n_threads);
        runner_.run(forward_.graph(), [&] { forward_.set_inputs(); }, hidden, [&] {
            read_hidden();
            d_hidden_.assign(hidden_.size(), 0.0f);
            for_rows(rows, pass, [&](int32_t r, int64_t at) { loss(r, hidden_.data() + at, d_hidden_.data() + at); });
            ggml_backend_tensor_set(seed_, d_hidden_.data(), 0, d_hidden_.size() * sizeof(float));
            runner_.set_threads(params_.n_threads);
        });
    }

    const graph_engine_params      params_;
    llama_model_ptr                model_;
    llama_context_ptr              context_;
    mutable frozen_weights         frozen_;
    forward_graph                  forward_;
    graph_runner                   runner_;
    std::unique_ptr<cpu_products>  products_; // NULL: ggml's
    mutable graph_head             head_;
    token_batch                    batch_;
    const std::vector<lora_matrix> targets_;
    graph_adapters                 adapters_;
    graph_dropout                  dropout_;
    engine_shape                   shape_;
    int32_t                        tokens_per_pass_;
    int32_t                        n_positions_ = std::numeric_limits<int32_t>::max(); // fewer if they are learned
    ggml_context_ptr               seed_context_;
    ggml_backend_buffer_ptr        seed_buffer_;
    ggml_tensor *                  seed_ = nullptr; // [n_embd, tokens] gradient with respect to the hidden states
    std::vector<float>             hidden_, d_hidden_;
    std::mutex                     mutex_; // one call that computes at a time
};

} // namespace

} // namespace magnet::graph

namespace magnet {

std::unique_ptr<engine> make_graph_engine(const std::string & path, const graph_engine_params & params) {
    graph_engine_params p = params;
    if (p.n_threads < 0 || p.n_threads > 512) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                    "n_threads must lie in [0, 512], not " + std::to_string(p.n_threads) + ".");
    }
    p.n_threads = p.n_threads == 0 ? physical_cores() : threads_worth(p.n_threads);
    return std::make_unique<graph::graph_engine>(path, p);
}

} // namespace magnet
