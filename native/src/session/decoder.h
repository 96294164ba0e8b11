// The model with its KV cache: infill and generate stand on it. Remembers what the cache holds, so that a context which
// begins like the last one is not encoded again.
#pragma once

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
    bool    reuse_prefix;    // false: each call encodes all of its context, whatever the cache holds
};

class decoder {
public:
    decoder(std::shared_ptr<model> base, const decoder_params & params, const std::atomic<bool> & cancelled) :
        base_(std::move(base)), params_(params), cancelled_(cancelled) {}

    // Forgets what the cache holds.
    void set_adapters(const std::vector<used_adapter> & adapters);
    void clear();

    // Begins a call: makes room for n_tokens in all; throws TOO_LONG if that is more than n_ctx.
    void begin(int32_t n_tokens);

    // Makes the cache hold just this context, and returns the logits [V] at predictor, valid until the next call.
    // Slots are in ascending positions. CONTEXT slots: all in one pass, reused if nothing changed; predictor is one of
    // them. Others must be causal among themselves (ORDERED, or SPAN with nothing to their right): the common prefix
    // with the cache is reused where its kind of memory can forget the rest, and predictor is a further token, encoded in
    // the last pass.
    // causal: predictor sees only what a causal model would, so that a later context may begin with it.
    const float * set_context(const std::vector<slot> & context, const slot & predictor, bool causal, int32_t & n_reused);

    // Encodes one more token, which stays in the cache, and returns its logits [V], valid until the next call.
    const float * decode(const slot & token, bool causal);

    // The output of a CONTEXT token of the context set last: it is encoded again in its place.
    const float * decode_again(const slot & token);

private:
    struct cached {
        slot what;
        bool causal; // its keys and values depend on causal tokens before it only
    };

    void    ensure_context(int32_t n_tokens, int32_t n_ubatch);
    bool    remove(int32_t pos_begin, int32_t pos_end);
    bool    keep_context();
    int32_t keep_causal_prefix(const std::vector<slot> & context);
    bool    holds_exactly(const std::vector<slot> & context) const;
    const float * encode(const std::vector<slot> & tokens, size_t begin, const slot & predictor, bool causal);
    void    run();

    const std::shared_ptr<model>   base_;
    const decoder_params           params_;
    const std::atomic<bool> &      cancelled_;
    std::vector<used_adapter>      adapters_;
    std::unique_ptr<graph_context> context_;
    int32_t                        n_ctx_    = 0; // of context_
    int32_t                        n_ubatch_ = 0; // of context_
    std::vector<cached>            cache_;        // in the order of encoding
    token_batch                    batch_;
};

} // namespace magnet
