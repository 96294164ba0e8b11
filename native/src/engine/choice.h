// Which engine does what for a model, and the weights of the fused one, which all sessions of the model share.
#pragma once

#include "decode-queue.h"
#include "engine.h"
#include "model/context.h"
#include "model/model.h"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace magnet {

// Throws INVALID_ARGUMENT unless engine is one of enum magnet_engine.
void check_engine(int32_t engine);

// The same of enum magnet_weights.
void check_weights(int32_t weights);

// Shall the fused engine copy the weights of the model at path? weights: enum magnet_weights; AUTO leaves a quarter of the
// memory that is available to caches, work space and others, and warns when copies do not fit.
bool copies_weights(int32_t weights, const fused_engine_memory & needs, const std::string & path);

// The engine uses these adapters from now on. They must be such as engine_choice::fused_covers says.
void set_adapters(engine & e, const std::vector<used_adapter> & adapters);

class engine_choice {
public:
    // weights: enum magnet_weights.
    engine_choice(std::shared_ptr<model> base, int32_t weights);

    // Does the fused CPU engine do what needs no KV cache? Not with weights on a GPU. why says what stands against it.
    bool fused_covers(std::string & why) const {
        why = no_fused_;
        return why.empty();
    }

    // The same of the model with these adapters.
    bool fused_covers(const std::vector<used_adapter> & adapters, std::string & why) const;

    // Is it also the better one to decode with? Its products are of bf16: no loss beside quantised weights, but one beside
    // weights of 16 or 32 bits, which llama.cpp multiplies as they are.
    bool fused_decodes() const { return no_fused_.empty() && base_->has_rounded_weights(); }

    // What a model's information says of the fused engine.
    void describe(magnet_model_info & info) const;

    // Throws UNSUPPORTED if this engine (enum magnet_engine; AUTO: any) cannot train the model.
    void check_training(int32_t engine) const;

    // The fused engine's weights, loaded when first asked for and shared by all who ask while one of them holds them.
    // Throws IO if the model's file is not the one any more that the model was loaded from. Any thread.
    std::shared_ptr<fused_weights> fused() const;

    // A fused engine for decoding with these adapters, shared by all who decode with the same ones; its passes go through
    // queue(). Throws as fused(). Any thread.
    std::shared_ptr<engine> decoder_for(const std::vector<used_adapter> & adapters, int32_t n_threads);
    decode_queue &          queue() { return queue_; }

private:
    using decoder_key = std::pair<int32_t, std::vector<std::pair<const adapter *, float>>>; // threads, adapters

    const std::shared_ptr<model>         base_;
    const int32_t                        weights_;
    std::string                          no_fused_; // why not; empty = covered
    fused_engine_memory                  memory_;
    mutable std::mutex                   mutex_;
    mutable std::weak_ptr<fused_weights> fused_;
    decode_queue                         queue_;
    std::mutex                           decoders_mutex_;
    std::map<decoder_key, std::weak_ptr<engine>> decoders_;
};

} // namespace magnet
