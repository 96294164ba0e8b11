#include "choice.h"

#include "base/error.h"
#include "base/log.h"

namespace magnet {

void check_engine(int32_t engine) {
    if (engine < MAGNET_ENGINE_AUTO || engine > MAGNET_ENGINE_GRAPH) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                    "engine is " + std::to_string(engine) + "; it must be one of enum magnet_engine.");
    }
}

engine_choice::engine_choice(std::shared_ptr<model> base) : base_(std::move(base)) {
    if (base_->on_gpu()) {
        no_fused_ = "its weights are on a GPU, which the fused engine leaves alone";
    } else {
        fused_engine_covers(base_->path(), no_fused_);
    }
}

std::shared_ptr<fused_weights> engine_choice::fused() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::shared_ptr<fused_weights>    weights = fused_.lock();
    if (!weights) {
        weights = load_fused_weights(base_->path(), {});
        fused_  = weights;
    }
    return weights;
}

void engine_choice::check_training(int32_t engine) const {
    check_engine(engine);
    std::string why = no_fused_;
    if (engine != MAGNET_ENGINE_GRAPH && why.empty()) {
        return;
    }
    if (engine != MAGNET_ENGINE_FUSED) {
        const std::lock_guard<std::mutex> lock(base_->adapter_mutex());
        log_capture                       capture(/*warns=*/false);
        if (graph_engine_trains(base_->llama(), why)) {
            return;
        }
    }
    throw error(MAGNET_STATUS_UNSUPPORTED, base_->path() + " cannot be trained so: " + why);
}

} // namespace magnet
