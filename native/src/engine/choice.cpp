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
        base_->file().check_unchanged();
    }
}

std::shared_ptr<fused_weights> engine_choice::fused() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::shared_ptr<fused_weights>    weights = fused_.lock();
    if (!weights) {
        base_->file().check_unchanged(); // says what happened to it before its reader finds it damaged
        weights = load_fused_weights(base_->path(), {});
        base_->file().check_unchanged();
        fused_  = weights;
    }
    return weights;
}

bool engine_choice::fused_covers(const std::vector<used_adapter> & adapters, std::string & why) const {
    if (!fused_covers(why)) {
        return false;
    }
    for (const used_adapter & use : adapters) {
        const lora_set * set = use.what->matrices(why);
        if (!set) {
            return false;
        }
        for (const lora_matrix & m : set->matrices) {
            if (!fused_engine_adapts(m.target)) {
                why = "the fused engine cannot adapt " + m.target + ", as " + use.what->path() + " does";
                return false;
            }
        }
    }
    return true;
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
