#include "base/error.h"
#include "encoder.h"
#include "engine/choice.h"

#include <algorithm>
#include <memory>
#include <numeric>

namespace magnet {

namespace {

// Between chunks of rows the caller's callback is asked and a cancel is seen. Long enough to keep all threads busy.
constexpr int32_t tokens_per_chunk = 8192;

// Outputs of a row whose logits, V floats each, exist together: as many as the head reads its weights for at once
// (engine/fused/head.cpp).
constexpr size_t outputs_per_product = 64;

class fused_encoder : public encoder {
public:
    fused_encoder(std::shared_ptr<model> base, std::shared_ptr<fused_weights> weights, const thread_share & threads,
                  const std::atomic<bool> & cancelled) :
        base_(std::move(base)), threads_(threads), cancelled_(cancelled) {
        fused_engine_params params;
        params.n_threads = threads.n_threads;
        engine_          = make_fused_engine(std::move(weights), params);
    }

    void set_adapters(const std::vector<used_adapter> & adapters) override { magnet::set_adapters(*engine_, adapters); }

    void pooled(const std::vector<encoder_row> & rows, float * out, const row_done & done) override {
        const int64_t n_embd = base_->n_embd();
        for_each_chunk(rows, done, [&](int32_t r, const float * hidden) {
            const encoder_row & row = rows[r];
            float *             sum = out + r * n_embd;
            std::fill(sum, sum + n_embd, 0.0f);
            for (size_t o = 0; o < row.outputs.size(); ++o) {
                const float * h = hidden + row.outputs[o] * n_embd;
                for (int64_t d = 0; d < n_embd; ++d) {
                    sum[d] += row.weights[o] * h[d];
                }
            }
        });
    }

    void hidden(const std::vector<encoder_row> & rows, const output_sink & sink, const row_done & done) override {
        const int64_t n_embd = base_->n_embd();
        for_each_chunk(rows, done, [&](int32_t r, const float * hidden) {
            const std::vector<int32_t> & outputs = rows[r].outputs;
            for (size_t o = 0; o < outputs.size(); ++o) {
                sink(r, (int32_t) o, hidden + outputs[o] * n_embd);
            }
        });
    }

    void logits(const std::vector<encoder_row> & rows, const output_sink & sink, const row_done & done) override {
        const int64_t n_embd = base_->n_embd(), n_vocab = base_->n_vocab();
        for_each_chunk(rows, done, [&](int32_t r, const float * hidden) {
            const std::vector<int32_t> &   outputs  = rows[r].outputs;
            const size_t                   together = std::min(outputs_per_product, outputs.size());
            std::vector<float>             in(together * n_embd);
            const std::unique_ptr<float[]> logits(new float[together * n_vocab]); // not zeroed: they are megabytes
            for (size_t first = 0; first < outputs.size(); first += together) {
                const int32_t n = (int32_t) std::min(together, outputs.size() - first);
                for (int32_t i = 0; i < n; ++i) {
                    const float * h = hidden + outputs[first + i] * n_embd;
                    std::copy(h, h + n_embd, in.begin() + i * n_embd);
                }
                engine_->logits(in.data(), n, logits.get());
                for (int32_t i = 0; i < n; ++i) {
                    sink(r, (int32_t) first + i, logits.get() + i * n_vocab);
                }
            }
        });
    }

private:
    // sink gets the hidden states [T, D] of every row, from worker threads; done is asked on the caller's thread.
    template <typename Sink>
    void for_each_chunk(const std::vector<encoder_row> & rows, const row_done & done, const Sink & sink) {
        std::vector<engine_row> chunk;
        std::vector<int32_t>    index;
        int32_t                 n_tokens = 0;

        const auto flush = [&] {
            if (cancelled_) {
                throw error(MAGNET_STATUS_CANCELLED, "the call was cancelled.");
            }
            engine_->limit_threads(threads_.now(*base_));
            engine_->forward_each(chunk, [&](int32_t i, const float * hidden) { sink(index[i], hidden); });
            for (const int32_t r : index) {
                if (!done(r)) {
                    throw error(MAGNET_STATUS_CANCELLED, "the call was cancelled.");
                }
            }
            chunk.clear();
            index.clear();
            n_tokens = 0;
        };

        // rows of one length side by side share a pass inside the engine
        std::vector<int32_t> order(rows.size());
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(),
                         [&](int32_t a, int32_t b) { return rows[a].n_tokens() < rows[b].n_tokens(); });
        for (const int32_t r : order) {
            const encoder_row & row = rows[r];
            if (n_tokens > 0 && n_tokens + row.n_tokens() > tokens_per_chunk) {
                flush();
            }
            chunk.push_back({ row.tokens.data(), row.pos.data(), row.roles.data(), row.n_tokens() });
            index.push_back(r);
            n_tokens += row.n_tokens();
        }
        if (!chunk.empty()) {
            flush();
        }
    }

    const std::shared_ptr<model> base_;
    const thread_share           threads_;
    const std::atomic<bool> &    cancelled_;
    std::unique_ptr<engine>      engine_;
};

} // namespace

std::unique_ptr<encoder> make_fused_encoder(std::shared_ptr<model> base, std::shared_ptr<fused_weights> weights,
                                            const thread_share & threads, const std::atomic<bool> & cancelled) {
    return std::make_unique<fused_encoder>(std::move(base), std::move(weights), threads, cancelled);
}

} // namespace magnet
