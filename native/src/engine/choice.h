// Which engine does what for a model, and the weights of the fused one, which all sessions of the model share.
#pragma once

#include "engine.h"
#include "model/context.h"
#include "model/model.h"

#include <memory>
#include <mutex>
#include <string>

namespace magnet {

// Throws INVALID_ARGUMENT unless engine is one of enum magnet_engine.
void check_engine(int32_t engine);

class engine_choice {
public:
    explicit engine_choice(std::shared_ptr<model> base);

    // Does the fused CPU engine do what needs no KV cache? Not with weights on a GPU. why says what stands against it.
    bool fused_covers(std::string & why) const {
        why = no_fused_;
        return why.empty();
    }

    // The same of the model with these adapters.
    bool fused_covers(const std::vector<used_adapter> & adapters, std::string & why) const;

    // Throws UNSUPPORTED if this engine (enum magnet_engine; AUTO: any) cannot train the model.
    void check_training(int32_t engine) const;

    // The fused engine's weights, loaded when first asked for and shared by all who ask while one of them holds them.
    // Throws IO if the model's file is not the one any more that the model was loaded from. Any thread.
    std::shared_ptr<fused_weights> fused() const;

private:
    const std::shared_ptr<model>         base_;
    std::string                          no_fused_; // why not; empty = covered
    mutable std::mutex                   mutex_;
    mutable std::weak_ptr<fused_weights> fused_;
};

} // namespace magnet
