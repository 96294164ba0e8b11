// The model with its KV cache: infill and generate stand on it. Remembers what the cache holds, so that a context which
// begins like the last one is not encoded again.
#pragma once

#include "engine/choice.h"
#include "layout.h"
#include "model/context.h"

#include <atomic>
#include <memory>
#include <vector>

namespace magnet {

struct decoder_params {
    int32_t n_ctx;           // most tokens that it ever holds
    thread_share threads;
    int32_t flash_attention; // enum magnet_flash_attention
    int32_t cache_type;      // enum magnet_cache_type
    bool    reuse_prefix;    // false: each call encodes all of its context, whatever the cache holds
};

class decoder {
public:
    virtual ~decoder() = default;

    // Forgets what the cache holds.
    virtual void set_adapters(const std::vector<used_adapter> & adapters) = 0;
    virtual void clear()                                                  = 0;

    // Begins a call: makes room for n_tokens in all; throws TOO_LONG if that is more than n_ctx. end() ends it, also after
    // a failure, and does nothing where none has begun.
    virtual void begin(int32_t n_tokens) = 0;
    virtual void end() {}

    // Makes the cache hold just this context, and returns the logits [V] at predictor, valid until the next call.
    // Slots are in ascending positions. CONTEXT slots: all in one pass, reused if nothing changed; predictor is one of
    // them. Others must be causal among themselves (ORDERED, or SPAN with nothing to their right): the common prefix
    // with the cache is reused where its kind of memory can forget the rest, and predictor is a further token, encoded in
    // the last pass.
    // causal: predictor sees only what a causal model would, so that a later context may begin with it.
    virtual const float * set_context(const std::vector<slot> & context, const slot & predictor, bool causal,
                                      int32_t & n_reused) = 0;

    // Do passes of several such decoders go through the weights together? If not, who wants several sequences takes turns with
    // one, which finds the context that they share in its cache.
    virtual bool joins_others() const { return false; }

    // Becomes a copy of what other, of the same session and one that joins, holds; between begin and end of both.
    virtual void copy_from(const decoder & /*other*/) {}

    // Encodes one more token, which stays in the cache, and returns its logits [V], valid until the next call.
    virtual const float * decode(const slot & token, bool causal) = 0;

    // Takes the last n tokens that decode encoded out of the cache.
    virtual void forget(int32_t n) = 0;

    // The output of a CONTEXT token of the context set last: it is encoded again in its place.
    virtual const float * decode_again(const slot & token) = 0;
};

// Throws TOO_LONG if a call needs more tokens than n_ctx. n_ctx_train: what the model could read.
void check_room(int32_t n_tokens, int32_t n_ctx, int32_t n_ctx_train);

// llama.cpp's context: every model, every device.
std::unique_ptr<decoder> make_graph_decoder(std::shared_ptr<model> base, const decoder_params & params,
                                            const std::atomic<bool> & cancelled);

// The fused engine, in passes that the model's sessions share (decode-queue.h). Throws as engine_choice::fused.
std::unique_ptr<decoder> make_fused_decoder(std::shared_ptr<model> base, std::shared_ptr<engine_choice> engines,
                                            const decoder_params & params, const std::atomic<bool> & cancelled);

} // namespace magnet
