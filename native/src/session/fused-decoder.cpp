// Decoding by the fused engine: a cache of its own, and passes that it shares with the model's other sessions.
#include "decoder.h"

#include "base/error.h"
#include "magnet-mask.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace magnet {

namespace {

class fused_decoder : public decoder {
public:
    fused_decoder(std::shared_ptr<model> base, std::shared_ptr<engine_choice> engines, const decoder_params & params,
                  const std::atomic<bool> & cancelled)
        : base_(std::move(base)), engines_(std::move(engines)), params_(params), cancelled_(cancelled),
          logits_(base_->n_vocab()) {}

    void set_adapters(const std::vector<used_adapter> & adapters) override {
        adapters_ = adapters;
        engine_.reset(); // made with them when it is needed
        cache_.reset();
        cells_.clear();
    }

    void clear() override { truncate(0); }

    void begin(int32_t n_tokens) override {
        check_room(n_tokens, params_.n_ctx, base_->n_ctx_train());
        if (!engine_) {
            engine_ = engines_->decoder_for(adapters_, params_.threads.n_threads);
            cache_  = engine_->make_cache(params_.cache_type == MAGNET_CACHE_Q8_0);
        }
        if (!params_.reuse_prefix) {
            clear();
        }
        caller_.emplace(engines_->queue());
    }

    void end() override { caller_.reset(); }

    const float * set_context(const std::vector<slot> & context, const slot & predictor, bool causal,
                              int32_t & n_reused) override {
        if (std::exchange(copied_, false) && holds(context, predictor)) {
            n_reused = int32_t(context.size());
            return logits_.data();
        }
        if (predictor.role == MAGNET_MASK_CONTEXT) {
            return set_bidirectional(context, predictor, n_reused);
        }
        n_reused = keep_causal_prefix(context);
        std::vector<slot> todo(context.begin() + n_reused, context.end());
        todo.push_back(predictor);
        encode(todo, int32_t(todo.size()) - 1, engines_->queue().piece());
        for (const slot & s : todo) {
            cells_.push_back({ s, true });
        }
        cells_.back().causal = causal;
        return logits_.data();
    }

    bool joins_others() const override { return true; }

    void copy_from(const decoder & from) override {
        const auto & other = static_cast<const fused_decoder &>(from);
        if (engine_ != other.engine_) {
            engine_ = other.engine_;
            cache_  = engine_->make_cache(params_.cache_type == MAGNET_CACHE_Q8_0);
        }
        cache_->copy_from(*other.cache_);
        cells_  = other.cells_;
        logits_ = other.logits_;
        copied_ = true;
    }

    const float * decode(const slot & token, bool causal) override {
        encode({ token }, 0, 1);
        cells_.push_back({ token, causal });
        return logits_.data();
    }

    void forget(int32_t n) override { truncate(int32_t(cells_.size()) - n); }

    const float * decode_again(const slot & token) override {
        const auto it = std::find_if(cells_.begin(), cells_.end(), [&](const cell & c) { return c.what.pos == token.pos; });
        encode({ token }, 0, 1, int32_t(it - cells_.begin()));
        return logits_.data();
    }

private:
    struct cell {
        slot what;
        bool causal; // its key and value depend on causal tokens before it only
    };

    static bool same(const slot & a, const slot & b) { return a.token == b.token && a.pos == b.pos; }

    // Just this context, and the predictor behind it where it is none of it.
    bool holds(const std::vector<slot> & context, const slot & predictor) const {
        const auto equal = [](const cell & c, const slot & s) { return same(c.what, s) && c.what.role == s.role; };
        const bool member = predictor.role == MAGNET_MASK_CONTEXT;
        return cells_.size() == context.size() + !member && (member || equal(cells_.back(), predictor)) &&
               std::equal(context.begin(), context.end(), cells_.begin(),
                          [&](const slot & s, const cell & c) { return equal(c, s); });
    }

    void truncate(int32_t n) {
        if (cache_) {
            cache_->truncate(n);
        }
        cells_.resize(n);
    }

    // Causal cells come before all others: a context is set after what does not belong to it has been forgotten.
    int32_t keep_causal_prefix(const std::vector<slot> & context) {
        int32_t n = 0;
        while (n < int32_t(std::min(context.size(), cells_.size())) && cells_[n].causal && same(cells_[n].what, context[n])) {
            ++n;
        }
        truncate(n);
        for (int32_t i = 0; i < n; ++i) { // their keys do not depend on the role, only who sees them does
            if (cells_[i].what.role != context[i].role) {
                int32_t end = i;
                while (end < n && context[end].role == context[i].role) {
                    cells_[end++].what.role = context[i].role;
                }
                cache_->set_role(i, end, context[i].role);
            }
        }
        return n;
    }

    // All context in one pass, whose tokens see each other both ways: reused if nothing changed.
    const float * set_bidirectional(const std::vector<slot> & context, const slot & predictor, int32_t & n_reused) {
        const int32_t n     = int32_t(context.size());
        const auto    equal = [](const cell & c, const slot & s) {
            return same(c.what, s) && c.what.role == MAGNET_MASK_CONTEXT;
        };
        const bool held = int32_t(cells_.size()) >= n && std::equal(context.begin(), context.end(), cells_.begin(),
                                                                    [&](const slot & s, const cell & c) { return equal(c, s); }) &&
                          (int32_t(cells_.size()) == n || cells_[n].what.role != MAGNET_MASK_CONTEXT);
        if (held) {
            n_reused = n;
            truncate(n);
            return decode_again(predictor);
        }
        n_reused = 0;
        truncate(0);
        const auto output = std::find_if(context.begin(), context.end(), [&](const slot & s) { return s.pos == predictor.pos; });
        encode(context, int32_t(output - context.begin()), n);
        for (const slot & s : context) {
            cells_.push_back({ s, false });
        }
        return logits_.data();
    }

    // In pieces of so many tokens; logits of the one at output.
    void encode(const std::vector<slot> & slots, int32_t output, int32_t piece, int32_t again = -1) {
        const int32_t        n      = int32_t(slots.size());
        const int32_t        before = cache_->size();
        std::vector<int32_t> tokens(n), pos(n);
        std::vector<int8_t>  roles(n);
        for (int32_t i = 0; i < n; ++i) {
            tokens[i] = slots[i].token;
            pos[i]    = slots[i].pos;
            roles[i]  = int8_t(slots[i].role);
        }
        if (again < 0) {
            cache_->reserve(before + n); // a text that there is no memory for is refused before work begins
        }
        try {
            int32_t size;
            for (int32_t begin = 0; begin < n; begin += size) {
                if (cancelled_) {
                    throw error(MAGNET_STATUS_CANCELLED, "the call was cancelled.");
                }
                size = std::min(piece, n - begin);
                if (n - begin - size == 1) { // one token by itself is multiplied with other weights than those of a prompt
                    ++size;
                }
                cached_row    row;
                row.row    = { tokens.data() + begin, pos.data() + begin, roles.data() + begin, size };
                row.cache  = cache_.get();
                row.again  = again;
                row.output = std::clamp(output - begin, 0, size - 1);
                row.logits = output >= begin && output < begin + size ? logits_.data() : nullptr;
                engines_->queue().extend(*engine_, row, !params_.reuse_prefix);
            }
        } catch (...) {
            cache_->truncate(before);
            throw;
        }
    }

    const std::shared_ptr<model>         base_;
    const std::shared_ptr<engine_choice> engines_;
    const decoder_params                 params_;
    const std::atomic<bool> &            cancelled_;
    std::vector<used_adapter>            adapters_;
    std::shared_ptr<engine>              engine_; // with these adapters
    std::unique_ptr<kv_cache>            cache_;
    std::vector<cell>                    cells_;  // of the cache
    std::vector<float>                   logits_; // [V]
    bool                                 copied_ = false; // logits_ are those of the context that was copied
    std::optional<decode_queue::caller>  caller_; // while a call runs
};

} // namespace

std::unique_ptr<decoder> make_fused_decoder(std::shared_ptr<model> base, std::shared_ptr<engine_choice> engines,
                                            const decoder_params & params, const std::atomic<bool> & cancelled) {
    return std::make_unique<fused_decoder>(std::move(base), std::move(engines), params, cancelled);
}

} // namespace magnet
