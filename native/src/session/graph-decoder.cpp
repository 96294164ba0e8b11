// Decoding by llama.cpp's context.
#include "decoder.h"

#include "base/error.h"
#include "base/memory.h"
#include "magnet-mask.h"

#include <algorithm>

namespace magnet {

namespace {

constexpr int32_t default_ubatch = 512; // llama.cpp's own; longer prompts take several
constexpr int32_t sequence       = 0;   // the one sequence of the cache

int32_t round_up_pow2(int32_t n, int32_t least) {
    int64_t size = least;
    while (size < n) {
        size *= 2;
    }
    return (int32_t) std::min<int64_t>(size, 1 << 30);
}

bool is_context(const slot & s) {
    return s.role == MAGNET_MASK_CONTEXT;
}

class graph_decoder : public decoder {
public:
    graph_decoder(std::shared_ptr<model> base, const decoder_params & params, const std::atomic<bool> & cancelled) :
        base_(std::move(base)), params_(params), cancelled_(cancelled) {}

    void set_adapters(const std::vector<used_adapter> & adapters) override;
    void clear() override;

    void begin(int32_t n_tokens) override;

    const float * set_context(const std::vector<slot> & context, const slot & predictor, bool causal, int32_t & n_reused) override;

    const float * decode(const slot & token, bool causal) override;

    void forget(int32_t n) override;

    const float * decode_again(const slot & token) override;

private:
    struct cached {
        slot what;
        bool causal; // its keys and values depend on causal tokens before it only
    };

    void    ensure_context(int32_t n_tokens, int32_t n_ubatch);
    int32_t room_for(int32_t n_tokens) const;
    bool    remove(int32_t pos_begin, int32_t pos_end);
    void    let_go(int32_t pos);
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

void graph_decoder::set_adapters(const std::vector<used_adapter> & adapters) {
    adapters_ = adapters;
    clear();
    if (context_) {
        context_->set_adapters(adapters_);
    }
}

void graph_decoder::clear() {
    cache_.clear();
    if (context_) {
        llama_memory_clear(llama_get_memory(context_->get()), false);
    }
}

void graph_decoder::begin(int32_t n_tokens) {
    check_room(n_tokens, params_.n_ctx, base_->n_ctx_train());
    if (!params_.reuse_prefix) {
        clear();
    }
    ensure_context(n_tokens, std::max(n_ubatch_, default_ubatch));
}

void graph_decoder::ensure_context(int32_t n_tokens, int32_t n_ubatch) {
    if (context_ && n_tokens <= n_ctx_ && n_ubatch <= n_ubatch_) {
        return;
    }
    cache_.clear();
    context_.reset(); // before the larger one is made

    const int32_t n_ctx = room_for(n_tokens);
    n_ubatch            = std::max(n_ubatch_, n_ubatch);

    llama_context_params lparams = llama_context_default_params();
    lparams.n_ctx                = n_ctx;
    lparams.n_batch              = n_ubatch;
    lparams.n_ubatch             = n_ubatch;
    lparams.n_seq_max            = 1;
    lparams.n_outputs_max        = 1;
    lparams.flash_attn_type      = (llama_flash_attn_type) params_.flash_attention;
    if (params_.cache_type == MAGNET_CACHE_Q8_0) { // values of 8 bits are read by attention in one step only
        lparams.type_k          = GGML_TYPE_Q8_0;
        lparams.type_v          = GGML_TYPE_Q8_0;
        lparams.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_ENABLED;
    }
    lparams.swa_full             = true; // a span looks back from positions that a pruned window has dropped
    lparams.no_perf              = true;
    context_ = std::make_unique<graph_context>(base_, lparams, params_.threads, cancelled_);
    context_->set_adapters(adapters_);
    n_ctx_    = n_ctx; // only now: what there was no memory for must not be asked for again by calls that need less
    n_ubatch_ = n_ubatch;
}

// Tokens to make room for, at least n_tokens. llama.cpp takes the memory at once, and on the CPU the system may end the
// process that uses more than there is.
int32_t graph_decoder::room_for(int32_t n_tokens) const {
    // grows in powers of two, so that a conversation that gets longer seldom starts anew
    const int32_t generous = std::max(n_ctx_, std::min(round_up_pow2(n_tokens, 512), round_up_pow2(params_.n_ctx, 256)));
    const int64_t bytes    = base_->on_gpu() ? 0 : base_->info().cache_bytes_per_token; // of a token
    const int64_t needed   = params_.cache_type == MAGNET_CACHE_Q8_0 ? bytes * 17 / 32 : bytes;
    if (needed == 0) {
        return generous;
    }
    const int64_t available = available_memory();
    if (n_tokens * needed > available) {
        throw no_memory_for_cache(n_tokens, needed, available);
    }
    return generous * needed > available ? n_tokens : generous;
}

// False if nothing was taken out, because this kind of memory cannot: a recurrent state does not forget its last tokens.
bool graph_decoder::remove(int32_t pos_begin, int32_t pos_end) {
    return llama_memory_seq_rm(llama_get_memory(context_->get()), sequence, pos_begin, pos_end);
}

// The cache's order is that of encoding, so a failure in the middle leaves cells that nobody knows: forget all.
void graph_decoder::run() {
    try {
        context_->decode(batch_.view(false));
    } catch (const error & e) {
        clear();
        if (e.status == MAGNET_STATUS_OUT_OF_MEMORY) {
            context_.reset(); // its buffers are of no known state
        }
        throw;
    } catch (...) {
        clear();
        throw;
    }
}

bool graph_decoder::holds_exactly(const std::vector<slot> & context) const {
    size_t n = 0;
    for (const cached & c : cache_) {
        if (!is_context(c.what)) {
            continue;
        }
        if (n == context.size() || c.what.token != context[n].token || c.what.pos != context[n].pos) {
            return false;
        }
        ++n;
    }
    return n == context.size();
}

int32_t graph_decoder::keep_causal_prefix(const std::vector<slot> & context) {
    // length of the common prefix with the causal tokens of the cache
    size_t              n = 0;
    std::vector<cached> kept;
    for (const cached & c : cache_) {
        if (!c.causal) {
            continue;
        }
        if (n == context.size() || c.what.token != context[n].token || c.what.pos != context[n].pos) {
            break;
        }
        kept.push_back(c);
        ++n;
    }

    // what is not kept goes, in runs of positions
    std::vector<int32_t> drop;
    for (const cached & c : cache_) {
        // causal tokens have ascending positions, and no two tokens share one
        const bool keep = std::binary_search(context.begin(), context.begin() + n, c.what,
                                             [](const slot & a, const slot & b) { return a.pos < b.pos; });
        if (!keep) {
            drop.push_back(c.what.pos);
        }
    }
    std::sort(drop.begin(), drop.end());
    for (size_t i = 0; i < drop.size();) {
        size_t j = i + 1;
        while (j < drop.size() && drop[j] == drop[j - 1] + 1) {
            ++j;
        }
        if (!remove(drop[i], drop[j - 1] + 1)) {
            clear();
            return 0;
        }
        i = j;
    }

    // causal keys and values do not depend on the role, only who sees them does
    for (size_t i = 0; i < kept.size();) {
        size_t j = i;
        while (j < kept.size() && context[j].role == context[i].role) {
            ++j;
        }
        const bool same = std::all_of(kept.begin() + i, kept.begin() + j,
                                      [&](const cached & c) { return c.what.role == context[i].role; });
        if (!same) {
            llama_memory_seq_role(llama_get_memory(context_->get()), sequence, context[i].pos, context[j - 1].pos + 1,
                                  context[i].role);
        }
        for (; i < j; ++i) {
            kept[i].what.role = context[i].role;
        }
    }
    cache_ = std::move(kept);
    return (int32_t) n;
}

const float * graph_decoder::set_context(const std::vector<slot> & context, const slot & predictor, bool causal,
                                   int32_t & n_reused) {
    const bool bidirectional = is_context(predictor);
    ensure_context(n_ctx_, bidirectional ? round_up_pow2((int32_t) context.size(), default_ubatch) : default_ubatch);

    if (!bidirectional) {
        n_reused = keep_causal_prefix(context);
        return encode(context, n_reused, predictor, causal);
    }

    if (!holds_exactly(context) || !keep_context()) {
        n_reused = 0;
        clear();
        return encode(context, 0, predictor, false);
    }
    n_reused = (int32_t) context.size();
    return decode_again(predictor);
}

// Leaves nothing but CONTEXT tokens in the cache. False if that cannot be done.
bool graph_decoder::keep_context() {
    for (auto it = cache_.begin(); it != cache_.end();) {
        if (is_context(it->what)) {
            ++it;
        } else if (remove(it->what.pos, it->what.pos + 1)) {
            it = cache_.erase(it);
        } else {
            return false;
        }
    }
    return true;
}

// context from begin on, in passes, and predictor in the last one. Only a bidirectional context has to go in one pass:
// causal ones take llama.cpp's own, also after the session has made room for a larger one.
const float * graph_decoder::encode(const std::vector<slot> & context, size_t begin, const slot & predictor, bool causal) {
    std::vector<slot> todo(context.begin() + begin, context.end());

    const auto behind = [&](const slot & s) { return s.pos >= predictor.pos; };
    const bool    member = is_context(predictor);
    const int32_t pass   = member ? n_ubatch_ : default_ubatch;
    const auto    last   = member ? todo.begin() : todo.begin() + todo.size() / pass * pass;
    auto       output = std::find_if(last, todo.end(), behind);
    if (!member) {
        output = todo.insert(output, predictor); // llama.cpp wants ascending positions in a batch
    }

    int32_t output_in_pass = 0;
    for (size_t i = 0; i < todo.size(); ++i) {
        if (i % pass == 0) {
            batch_.clear();
        }
        const bool is_output = todo.begin() + i == output;
        if (is_output) {
            output_in_pass = batch_.size();
        }
        batch_.add(todo[i].token, todo[i].pos, todo[i].role, sequence, is_output);
        if (batch_.size() == pass || i + 1 == todo.size()) {
            run();
        }
    }

    for (size_t i = begin; i < context.size(); ++i) {
        cache_.push_back({ context[i], !is_context(context[i]) });
    }
    if (!member) {
        cache_.push_back({ predictor, causal });
    }
    return llama_get_logits_ith(context_->get(), output_in_pass);
}

const float * graph_decoder::decode(const slot & token, bool causal) {
    batch_.clear();
    batch_.add(token.token, token.pos, token.role, sequence, true);
    run();
    cache_.push_back({ token, causal });
    return llama_get_logits_ith(context_->get(), 0);
}

// Of contexts that are no causal text: a recurrent model, whose state would not let go, has none.
void graph_decoder::let_go(int32_t pos) {
    if (!remove(pos, pos + 1)) {
        clear();
        throw error(MAGNET_STATUS_INTERNAL, "llama.cpp's cache does not let go of a token.");
    }
}

void graph_decoder::forget(int32_t n) {
    for (; n > 0; --n) {
        let_go(cache_.back().what.pos);
        cache_.pop_back();
    }
}

const float * graph_decoder::decode_again(const slot & token) {
    const auto it = std::find_if(cache_.begin(), cache_.end(), [&](const cached & c) { return c.what.pos == token.pos; });
    let_go(token.pos);
    batch_.clear();
    batch_.add(token.token, token.pos, token.role, sequence, true);
    run();
    if (it == cache_.end()) {
        cache_.push_back({ token, false });
    }
    return llama_get_logits_ith(context_->get(), 0);
}

} // namespace

void check_room(int32_t n_tokens, int32_t n_ctx, int32_t n_ctx_train) {
    if (n_tokens > n_ctx) {
        throw too_long("the text needs " + std::to_string(n_tokens) + " tokens with what is to be generated", n_ctx,
                       n_ctx_train, "Shorten it, or ask for fewer tokens");
    }
}

std::unique_ptr<decoder> make_graph_decoder(std::shared_ptr<model> base, const decoder_params & params,
                                            const std::atomic<bool> & cancelled) {
    return std::make_unique<graph_decoder>(std::move(base), params, cancelled);
}

} // namespace magnet
