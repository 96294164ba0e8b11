#include "base/error.h"
#include "encoder.h"

#include <algorithm>
#include <numeric>

namespace magnet {

namespace {

// On the CPU a row has a pass of its own. Among others it would be computed in another order: ggml chooses kernels by the
// size of a pass, and where a row lies in it moves sums by their last bits. Quantised weights make visible differences of
// that (cosine 0.95 between vectors of one text, seen on the default model), and the processor is busy with one row.
// A GPU is not: there rows share a pass, up to as many sequences as llama.cpp counts (LLAMA_MAX_SEQ).
constexpr size_t rows_per_pass(bool on_gpu) { return on_gpu ? 256 : 1; }

// Logits of one pass are kept at once: 128 rows of a vocabulary of 50 000 are 25 MB.
constexpr size_t logits_per_pass = 128;

class graph_encoder : public encoder {
public:
    graph_encoder(std::shared_ptr<model> base, const encoder_params & params, const std::atomic<bool> & cancelled) :
        base_(std::move(base)), params_(params), cancelled_(cancelled) {}

    void set_adapters(const std::vector<used_adapter> & adapters) override {
        adapters_ = adapters;
        if (context_) {
            context_->set_adapters(adapters_);
        }
    }

    void pooled(const std::vector<encoder_row> & rows, float * out, const row_done & done) override {
        const int32_t n_embd = base_->n_embd();
        for_each_pass(rows, SIZE_MAX, [&](const std::vector<int32_t> & pass) {
            encode(rows, pass, false, true);
            for (size_t s = 0; s < pass.size(); ++s) {
                const float * vector = llama_get_embeddings_seq(context_->get(), (int32_t) s);
                std::copy(vector, vector + n_embd, out + (int64_t) pass[s] * n_embd);
            }
        }, done);
    }

    void hidden(const std::vector<encoder_row> & rows, const output_sink & sink, const row_done & done) override {
        for_each_pass(rows, SIZE_MAX, [&](const std::vector<int32_t> & pass) {
            encode(rows, pass, false, false);
            for_each_output(rows, pass, llama_get_embeddings_ith, sink);
        }, done);
    }

    void logits(const std::vector<encoder_row> & rows, const output_sink & sink, const row_done & done) override {
        for_each_pass(rows, logits_per_pass, [&](const std::vector<int32_t> & pass) {
            encode(rows, pass, true, false);
            for_each_output(rows, pass, llama_get_logits_ith, sink);
        }, done);
    }

private:
    void for_each_output(const std::vector<encoder_row> & rows, const std::vector<int32_t> & pass,
                         float * (*get)(llama_context *, int32_t), const output_sink & sink) {
        int32_t first = 0; // index of the row's first token in the batch
        for (const int32_t r : pass) {
            for (size_t o = 0; o < rows[r].outputs.size(); ++o) {
                sink(r, (int32_t) o, get(context_->get(), first + rows[r].outputs[o]));
            }
            first += rows[r].n_tokens();
        }
    }

    // Rows sorted by length, so that a graph serves all of one length; on a GPU in passes of about one size each.
    template <typename Run>
    void for_each_pass(const std::vector<encoder_row> & rows, size_t max_outputs, const Run & run,
                       const row_done & done) {
        std::vector<int32_t> order(rows.size());
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(),
                         [&](int32_t a, int32_t b) { return rows[a].n_tokens() < rows[b].n_tokens(); });

        const int32_t        max_tokens = std::min(params_.n_batch, tokens_of_pass(base_->on_gpu()));
        std::vector<int32_t> pass;
        int32_t              n_tokens  = 0;
        size_t               n_outputs = 0;

        const auto flush = [&] {
            if (pass.empty()) {
                return;
            }
            run(pass);
            for (const int32_t r : pass) {
                if (!done(r)) {
                    throw error(MAGNET_STATUS_CANCELLED, "the call was cancelled.");
                }
            }
            pass.clear();
            n_tokens  = 0;
            n_outputs = 0;
        };

        for (const int32_t r : order) {
            if (n_tokens + rows[r].n_tokens() > max_tokens || pass.size() == rows_per_pass(base_->on_gpu()) ||
                n_outputs + rows[r].outputs.size() > max_outputs) {
                flush();
            }
            pass.push_back(r);
            n_tokens += rows[r].n_tokens();
            n_outputs += rows[r].outputs.size();
        }
        flush();
    }

    void encode(const std::vector<encoder_row> & rows, const std::vector<int32_t> & pass, bool logits, bool pooled) {
        batch_.clear();
        for (size_t s = 0; s < pass.size(); ++s) {
            const encoder_row & row = rows[pass[s]];
            size_t              o   = 0;
            for (int32_t i = 0; i < row.n_tokens(); ++i) {
                const bool output = o < row.outputs.size() && row.outputs[o] == i;
                batch_.add(row.tokens[i], row.pos[i], row.roles[i], (int32_t) s, output,
                           output && pooled ? row.weights[o] : 0.0f);
                o += output;
            }
        }
        ensure_context(batch_.size());
        llama_set_embeddings(context_->get(), !logits);
        llama_set_output_logits(context_->get(), logits);
        try {
            context_->encode(batch_.view(pooled));
        } catch (const error & e) {
            if (e.status == MAGNET_STATUS_OUT_OF_MEMORY) {
                context_.reset(); // its buffers are of no known state
            }
            throw;
        }
    }

    void ensure_context(int32_t n_tokens) {
        if (context_ && n_tokens <= capacity_) {
            return;
        }
        context_.reset(); // before the larger one is made
        int32_t capacity = tokens_of_pass(false);
        while (capacity < n_tokens) {
            capacity *= 2;
        }

        llama_context_params lparams = llama_context_default_params();
        lparams.n_ctx                = capacity;
        lparams.n_batch              = capacity;
        lparams.n_ubatch             = capacity;
        lparams.n_seq_max            = 1;
        lparams.pooling_type         = LLAMA_POOLING_TYPE_NONE;
        lparams.flash_attn_type      = (llama_flash_attn_type) params_.flash_attention;
        lparams.embeddings           = true;
        lparams.kv_unified           = true;
        lparams.no_memory            = true;
        context_ = std::make_unique<graph_context>(base_, lparams, params_.threads, cancelled_);
        context_->set_adapters(adapters_);
        capacity_ = capacity;
    }

    const std::shared_ptr<model>   base_;
    const encoder_params           params_;
    const std::atomic<bool> &      cancelled_;
    std::vector<used_adapter>      adapters_;
    std::unique_ptr<graph_context> context_;
    int32_t                        capacity_ = 0; // tokens that context_ encodes in one pass
    token_batch                    batch_;
};

} // namespace

std::unique_ptr<encoder> make_graph_encoder(std::shared_ptr<model> base, const encoder_params & params,
                                            const std::atomic<bool> & cancelled) {
    return std::make_unique<graph_encoder>(std::move(base), params, cancelled);
}

} // namespace magnet
