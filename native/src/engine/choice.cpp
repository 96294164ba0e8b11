#include "choice.h"

#include "base/asserts.h"
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"

namespace magnet {

std::unique_ptr<kv_cache> engine::make_cache(bool /*eight_bits*/) {
    throw error(MAGNET_STATUS_UNSUPPORTED, "this engine does not decode.");
}

void engine::extend(const std::vector<cached_row> &) {
    throw error(MAGNET_STATUS_UNSUPPORTED, "this engine does not decode.");
}

void check_engine(int32_t engine) {
    if (engine < MAGNET_ENGINE_AUTO || engine > MAGNET_ENGINE_GRAPH) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                    "engine is " + std::to_string(engine) + "; it must be one of enum magnet_engine.");
    }
}

void check_weights(int32_t weights) {
    if (weights < MAGNET_WEIGHTS_AUTO || weights > MAGNET_WEIGHTS_STORED) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                    "weights is " + std::to_string(weights) + "; it must be one of enum magnet_weights.");
    }
}

bool copies_weights(int32_t weights, const fused_engine_memory & needs, const std::string & path) {
    if (weights != MAGNET_WEIGHTS_AUTO) {
        return weights == MAGNET_WEIGHTS_COPIED;
    }
    const int64_t available = available_memory();
    const bool    fits      = needs.copied <= available / 4 * 3;
    const auto    mib       = [](int64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; };
    if (!fits) {
        log_message(MAGNET_LOG_WARN, "copies of the weights of " + path + " would make them " + mib(needs.copied) + ", and " +
                                         mib(available) + " of memory are available: they stay as the file stores them, " +
                                         mib(needs.stored) + ", which is slower for long texts.");
    }
    return fits;
}

void set_adapters(engine & e, const std::vector<used_adapter> & adapters) {
    std::vector<lora_set> sets;
    for (const used_adapter & use : adapters) {
        std::string why;
        sets.push_back(*use.what->matrices(why)); // engine_choice::fused_covers: it has them
        sets.back().scale *= use.scale;
    }
    std::vector<const lora_set *> pointers;
    for (const lora_set & set : sets) {
        pointers.push_back(&set);
    }
    e.set_lora(pointers);
}

engine_choice::engine_choice(std::shared_ptr<model> base, int32_t weights) : base_(std::move(base)), weights_(weights) {
    if (base_->on_gpu()) {
        no_fused_ = "its weights are on a GPU, which the fused engine leaves alone";
    } else {
        fused_engine_covers(base_->path(), no_fused_, &memory_);
        base_->file().check_unchanged();
    }
}

void engine_choice::describe(magnet_model_info & info) const {
    info.fused_engine = no_fused_.empty();
    info.bytes_copied = memory_.copied;
    info.bytes_stored = memory_.stored;
}

std::shared_ptr<fused_weights> engine_choice::fused() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::shared_ptr<fused_weights>    weights = fused_.lock();
    if (!weights) {
        base_->file().check_unchanged(); // says what happened to it before its reader finds it damaged
        fused_engine_params params;
        params.copies = copies_weights(weights_, memory_, base_->path());
        weights       = load_fused_weights(base_->path(), params);
        base_->file().check_unchanged();
        fused_ = weights;
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

std::shared_ptr<engine> engine_choice::decoder_for(const std::vector<used_adapter> & adapters, int32_t n_threads) {
    decoder_key key;
    key.first = n_threads;
    for (const used_adapter & use : adapters) {
        key.second.emplace_back(use.what.get(), use.scale);
    }
    const std::lock_guard<std::mutex> lock(decoders_mutex_);
    std::shared_ptr<engine>           found = decoders_[key].lock();
    if (!found) {
        fused_engine_params params;
        params.n_threads = n_threads;
        found            = make_fused_engine(fused(), params);
        set_adapters(*found, adapters);
        // an adapter that is gone leaves an entry behind, and another one may come to lie in its place
        for (auto it = decoders_.begin(); it != decoders_.end();) {
            it = it->second.expired() ? decoders_.erase(it) : std::next(it);
        }
        decoders_[key] = found;
    }
    return found;
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
        try {
            const thrown_asserts asserts;
            if (graph_engine_trains(base_->llama(), why)) {
                return;
            }
        } catch (const error &) {
            throw;
        } catch (const std::runtime_error & e) {
            why = "a check of llama.cpp failed (" + std::string(e.what()) + ")";
        }
    }
    throw error(MAGNET_STATUS_UNSUPPORTED, base_->path() + " cannot be trained so: " + why);
}

} // namespace magnet
