// Rows through the model without a KV cache: pooled vectors, token vectors, logits. Embedding and scoring stand on it.
#pragma once

#include "engine/engine.h"
#include "model/context.h"

#include <functional>
#include <memory>
#include <vector>

namespace magnet {

// One sequence. pos and roles have the size of tokens.
struct encoder_row {
    std::vector<int32_t> tokens;
    std::vector<int32_t> pos;
    std::vector<int8_t>  roles;
    std::vector<int32_t> outputs; // indices of tokens whose output is wanted, ascending
    std::vector<float>   weights; // [outputs] in the pooled vector; empty where nothing is pooled

    int32_t n_tokens() const { return (int32_t) tokens.size(); }
};

// Called once a row with its index, in any order, after it was computed; false cancels.
using row_done = std::function<bool(int32_t row)>;

class encoder {
public:
    virtual ~encoder() = default;

    virtual void set_adapters(const std::vector<used_adapter> & adapters) = 0;

    // out [rows, D] receives sum over outputs of weight * hidden state, after the model's final norm.
    virtual void pooled(const std::vector<encoder_row> & rows, float * out, const row_done & done) = 0;

    // Called once for each output (index into row.outputs) with its floats, valid during the call; possibly from several
    // threads at once.
    using output_sink = std::function<void(int32_t row, int32_t output, const float * values)>;

    // Hidden states [D], after the model's final norm.
    virtual void hidden(const std::vector<encoder_row> & rows, const output_sink & sink, const row_done & done) = 0;

    // Logits [V].
    virtual void logits(const std::vector<encoder_row> & rows, const output_sink & sink, const row_done & done) = 0;
};

struct encoder_params {
    thread_share threads;
    int32_t n_batch;         // tokens of one pass; a longer row takes a larger one
    int32_t flash_attention; // enum magnet_flash_attention
};

// llama.cpp's graph, any architecture with plain attention, any backend.
std::unique_ptr<encoder> make_graph_encoder(std::shared_ptr<model> base, const encoder_params & params,
                                            const std::atomic<bool> & cancelled);

// MAGNET's own CPU engine (engine/engine.h). Throws UNSUPPORTED for a model that it does not cover.
std::unique_ptr<encoder> make_fused_encoder(std::shared_ptr<model> base, std::shared_ptr<fused_weights> weights,
                                            const thread_share & threads, const std::atomic<bool> & cancelled);

} // namespace magnet
