#include "session.h"

#include "base/error.h"
#include "base/processors.h"
#include "llama/magnet-llama.h"

#include <algorithm>
#include <cmath>

namespace magnet {

namespace {

magnet_session_params checked(const model & m, magnet_session_params p) {
    const int32_t n_ctx_train = m.n_ctx_train();
    require(p.n_ctx == 0 || (p.n_ctx >= 8 && p.n_ctx <= n_ctx_train), "n_ctx", p.n_ctx,
            "0 (what the model was trained for) or in [8, " + std::to_string(n_ctx_train) + "]");
    require(p.batch >= 32 && p.batch <= 65536, "batch", p.batch, "in [32, 65536]");
    require(p.n_threads == -1 || (p.n_threads >= 1 && p.n_threads <= 512), "n_threads", p.n_threads,
            "-1 (physical cores) or in [1, 512]");
    require(p.flash_attention >= -1 && p.flash_attention <= 1, "flash_attention", p.flash_attention, "-1, 0 or 1");
    check_engine(p.engine);
    require(p.cache_type == MAGNET_CACHE_F16 || p.cache_type == MAGNET_CACHE_Q8_0, "cache_type", p.cache_type,
            "one of enum magnet_cache_type");
    require(p.cache_type != MAGNET_CACHE_Q8_0 || p.flash_attention != MAGNET_FLASH_ATTENTION_OFF, "flash_attention",
            p.flash_attention, "AUTO or ON where cache_type is Q8_0");
    if (p.n_ctx == 0) {
        p.n_ctx = n_ctx_train;
    }
    p.n_threads = p.n_threads == -1 ? physical_cores() : threads_worth(p.n_threads);
    return p;
}

} // namespace

session::session(std::shared_ptr<model> base, std::shared_ptr<engine_choice> engines,
                 const magnet_session_params & params) :
    base_(std::move(base)), engines_(std::move(engines)), params_(checked(*base_, params)),
    threads_({ params_.n_threads, params.n_threads == -1 && params.reuse_prefix }), recipe_(base_->how()) {
    use_fused_ = fused_with({});
}

bool session::fused_with(const std::vector<used_adapter> & adapters) const {
    std::string why;
    const bool  fused = params_.engine != MAGNET_ENGINE_GRAPH && engines_->fused_covers(adapters, why);
    if (params_.engine == MAGNET_ENGINE_FUSED && !fused) {
        throw error(MAGNET_STATUS_UNSUPPORTED, why + "; use the graph engine.");
    }
    return fused;
}

// llama.cpp knows an adapter once, with one scale.
static std::vector<used_adapter> each_once(const std::vector<used_adapter> & adapters) {
    std::vector<used_adapter> once;
    for (const used_adapter & use : adapters) {
        const auto same = std::find_if(once.begin(), once.end(), [&](const used_adapter & u) { return u.what == use.what; });
        if (same == once.end()) {
            once.push_back(use);
        } else {
            same->scale += use.scale;
        }
    }
    return once;
}

void session::set_adapters(const std::vector<used_adapter> & wanted) {
    std::vector<used_adapter> adapters = each_once(wanted);
    for (const used_adapter & use : adapters) {
        if (&use.what->base() != base_.get()) {
            throw error(MAGNET_STATUS_MISMATCH, use.what->path() + " was loaded for another model than this session's.");
        }
        if (!std::isfinite(use.scale)) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT, "the scale of " + use.what->path() + " is not a finite number.");
        }
    }

    const bool fused = fused_with(adapters);
    if (fused != use_fused_) {
        encoder_.reset(); // the other engine's
    }
    if (encoder_) {
        try {
            encoder_->set_adapters(adapters);
        } catch (...) {
            encoder_.reset(); // made anew, with the adapters so far, when it is needed
            throw;
        }
    }
    if (fused != use_fused_) {
        decoder_.reset();
    }
    if (decoder_) {
        decoder_->set_adapters(adapters);
    }

    use_fused_ = fused;
    adapters_  = std::move(adapters);
    recipe_    = base_->how();
    for (const used_adapter & use : adapters_) {
        if (use.what->how().version > 0) {
            recipe_ = use.what->how();
            break;
        }
    }
}

void session::reset() {
    if (decoder_) {
        decoder_->clear();
    }
}

encoder & session::get_encoder() {
    if (!base_->has_plain_attention()) { // its graph cannot do without its own kind of memory
        throw error(MAGNET_STATUS_UNSUPPORTED, "the architecture \"" + base_->architecture() +
                                                   "\" can generate, but neither embed nor score.");
    }
    if (!encoder_) {
        std::unique_ptr<encoder> made =
            use_fused_ ? make_fused_encoder(base_, engines_->fused(), threads_, cancelled_)
                       : make_graph_encoder(base_, { threads_, params_.batch, params_.flash_attention }, cancelled_);
        made->set_adapters(adapters_);
        encoder_ = std::move(made);
    }
    return *encoder_;
}

std::unique_ptr<decoder> session::make_decoder() const {
    const decoder_params how = { params_.n_ctx, threads_, params_.flash_attention, params_.cache_type, params_.reuse_prefix };
    const bool fused = use_fused_ && (params_.engine == MAGNET_ENGINE_FUSED || engines_->fused_decodes());
    if (!fused && how.cache_type == MAGNET_CACHE_Q8_0 && !llama_cache_takes_8_bits(base_->llama())) {
        throw error(MAGNET_STATUS_UNSUPPORTED, "the heads of this model are no multiple of 32 values, of which the graph engine "
                                               "keeps so many together in 8 bits; use a cache of F16.");
    }
    std::unique_ptr<decoder> made = fused ? make_fused_decoder(base_, engines_, how, cancelled_)
                                               : make_graph_decoder(base_, how, cancelled_);
    made->set_adapters(adapters_);
    return made;
}

decoder & session::get_decoder() {
    if (!decoder_) {
        decoder_ = make_decoder();
    }
    return *decoder_;
}

int32_t session::context_of(int32_t context) const {
    require(context >= MAGNET_CONTEXT_DEFAULT && context <= MAGNET_CONTEXT_FIM, "context", context,
            "one of enum magnet_context");
    if (context == MAGNET_CONTEXT_DEFAULT) {
        context = default_context();
    }
    const bool causal = context == MAGNET_CONTEXT_LEFT || context == MAGNET_CONTEXT_FIM;
    if (!causal && !base_->has_plain_attention()) {
        throw error(MAGNET_STATUS_UNSUPPORTED, "the architecture \"" + base_->architecture() +
                                                   "\" cannot look to the right of a gap; only the context LEFT works with "
                                                   "it.");
    }
    return context;
}

layout_options session::layout_with(int32_t context) const {
    layout_options options;
    options.context       = context_of(context);
    options.max_positions = params_.n_ctx;
    options.n_ctx_train   = base_->n_ctx_train();
    options.open_room     = recipe_.open_room;
    options.keep_spaces   = options.context == MAGNET_CONTEXT_FIM; // such models saw texts cut anywhere
    return options;
}

bool session::ends_gap(int32_t token, int32_t context) const {
    return context == MAGNET_CONTEXT_FIM ? base_->ends_middle(token)
                                         : token == recipe_.token_end || llama_vocab_is_eog(base_->vocab(), token);
}

session::call::call(session & s) : session_(s) {
    if (session_.running_.exchange(true)) {
        throw error(MAGNET_STATUS_BUSY, "a call on this session is running, on another thread or around this one, which its callback makes; "
                                        "use one session a thread.");
    }
    session_.cancelled_ = false;
    ++session_.base_->running_calls();
}

session::call::~call() {
    if (session_.decoder_) {
        session_.decoder_->end();
    }
    --session_.base_->running_calls();
    session_.running_ = false;
}

} // namespace magnet
