#include "sampler.h"

#include "finite.h"

#include "base/error.h"

#include <algorithm>
#include <cmath>
#include <random>

// ggml-cpu/vec.h: y = exp(x - max), returns the sum; vectorised for the CPU. The header itself wants ggml's own flags.
extern "C" double ggml_vec_soft_max_f32(const int n, float * y, const float * x, float max);

namespace magnet {

namespace {

// In lanes, because a compiler may not reorder a plain maximum.
float max_of(const float * x, int32_t n) {
    constexpr int32_t lanes = 32;
    float             best[lanes];
    std::fill(best, best + lanes, -INFINITY);
    int32_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        for (int32_t k = 0; k < lanes; ++k) {
            best[k] = x[i + k] > best[k] ? x[i + k] : best[k];
        }
    }
    float max = *std::max_element(best, best + lanes);
    for (; i < n; ++i) {
        max = std::max(max, x[i]);
    }
    return max;
}

} // namespace

void check_sampling(const magnet_sampling_params & p, const model & m) {
    require(std::isfinite(p.temperature) && p.temperature >= 0.0f, "sampling.temperature", p.temperature, "finite and >= 0");
    require(p.top_p > 0.0f && p.top_p <= 1.0f, "sampling.top_p", p.top_p, "in (0, 1]");
    require(p.min_p >= 0.0f && p.min_p < 1.0f, "sampling.min_p", p.min_p, "in [0, 1)");
    require(std::isfinite(p.repeat_penalty) && p.repeat_penalty > 0.0f, "sampling.repeat_penalty", p.repeat_penalty,
            "finite and > 0");
    require(std::isfinite(p.frequency_penalty), "sampling.frequency_penalty", p.frequency_penalty, "finite");
    require(std::isfinite(p.presence_penalty), "sampling.presence_penalty", p.presence_penalty, "finite");
    require(p.top_k >= 0, "sampling.top_k", p.top_k, ">= 0");
    require(p.penalty_last_n >= -1, "sampling.penalty_last_n", p.penalty_last_n, ">= -1");
    require(p.seed >= -1 && p.seed <= (int64_t) UINT32_MAX, "sampling.seed", p.seed, "-1 or in [0, 2^32)");
    require(p.n_logit_bias >= 0, "sampling.n_logit_bias", p.n_logit_bias, ">= 0");
    require(p.n_logit_bias == 0 || p.logit_bias, "sampling.logit_bias", 0, "given when n_logit_bias > 0");
    for (int32_t i = 0; i < p.n_logit_bias; ++i) {
        const int32_t token = p.logit_bias[i].token;
        require(token >= 0 && token < m.n_vocab(), "sampling.logit_bias.token", token,
                "in the vocabulary, which has 0 to " + std::to_string(m.n_vocab() - 1));
        const float bias = p.logit_bias[i].bias;
        require(!std::isnan(bias) && bias != INFINITY, "sampling.logit_bias.bias", bias, "finite or -INFINITY");
    }
}

namespace {

// llama.cpp's samplers sort and subtract logits, so these must stay finite (-INFINITY is a ban): what lies beyond the
// limits says no more than the limits do.
constexpr float max_bias           = 1e20f;
constexpr float max_penalty        = 1e10f;
constexpr float max_repeat_penalty = 1e6f;
constexpr float min_temperature    = 1e-6f;

float limited(float x, float limit) {
    return x == -INFINITY ? x : std::clamp(x, -limit, limit);
}

} // namespace

sampler::sampler(const model & m, const magnet_sampling_params & p) : model_(m) {
    check_sampling(p, m);

    if (p.grammar && p.schema) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "sampling.grammar and sampling.schema are both given; a text follows one of them.");
    }
    if (p.grammar) {
        grammar_ = std::make_unique<grammar>(m, p.grammar, p.grammar_root);
    } else if (p.schema) {
        grammar_ = schema_grammar(m, p.schema);
    }

    const bool penalties = p.penalty_last_n != 0 &&
                           (p.repeat_penalty != 1.0f || p.frequency_penalty != 0.0f || p.presence_penalty != 0.0f);
    if (p.temperature == 0.0f && !penalties && p.n_logit_bias == 0) {
        return;
    }

    chain_.reset(llama_sampler_chain_init(llama_sampler_chain_default_params()));
    if (p.n_logit_bias > 0) {
        std::vector<llama_logit_bias> bias(p.n_logit_bias);
        for (int32_t i = 0; i < p.n_logit_bias; ++i) {
            bias[i] = { p.logit_bias[i].token, limited(p.logit_bias[i].bias, max_bias) };
        }
        llama_sampler_chain_add(chain_.get(), llama_sampler_init_logit_bias(m.n_vocab(), p.n_logit_bias, bias.data()));
    }
    if (penalties) {
        const int32_t last_n = p.penalty_last_n < 0 ? m.n_ctx_train() : std::min(p.penalty_last_n, m.n_ctx_train());
        llama_sampler_chain_add(
            chain_.get(),
            llama_sampler_init_penalties(m.n_vocab(), last_n,
                                         std::clamp(p.repeat_penalty, 1.0f / max_repeat_penalty, max_repeat_penalty),
                                         limited(p.frequency_penalty, max_penalty), limited(p.presence_penalty, max_penalty)));
    }
    if (p.temperature == 0.0f) {
        llama_sampler_chain_add(chain_.get(), llama_sampler_init_greedy());
        return;
    }
    // the order of llama.cpp's own default chain
    if (p.top_k > 0) {
        llama_sampler_chain_add(chain_.get(), llama_sampler_init_top_k(p.top_k));
    }
    if (p.top_p < 1.0f) {
        llama_sampler_chain_add(chain_.get(), llama_sampler_init_top_p(p.top_p, 1));
    }
    if (p.min_p > 0.0f) {
        llama_sampler_chain_add(chain_.get(), llama_sampler_init_min_p(p.min_p, 1));
    }
    llama_sampler_chain_add(chain_.get(), llama_sampler_init_temp(std::max(p.temperature, min_temperature)));
    const uint32_t seed = p.seed < 0 ? std::random_device{}() : (uint32_t) p.seed;
    // llama.cpp takes this one value for "a random seed"
    llama_sampler_chain_add(chain_.get(), llama_sampler_init_dist(seed == LLAMA_DEFAULT_SEED ? seed - 1 : seed));
}

void sampler::fill(const float * logits) {
    const int32_t n_vocab = model_.n_vocab();
    candidates_.resize(n_vocab);
    for (int32_t i = 0; i < n_vocab; ++i) {
        candidates_[i] = { i, logits[i], 0.0f };
    }
    for (const int32_t token : banned_) {
        candidates_[token].logit = -INFINITY;
    }
}

int32_t sampler::sample(const float * logits) {
    const auto choose = [&](bool constrained) -> int32_t {
        if (!chain_ && !constrained) {
            // greedy on the logits themselves
            const int32_t n     = model_.n_vocab();
            const auto    best  = [n](const float * x) { return (int32_t) (std::find(x, x + n, max_of(x, n)) - x); };
            const int32_t first = best(logits);
            if (std::find(banned_.begin(), banned_.end(), first) == banned_.end()) {
                return first;
            }
            allowed_.assign(logits, logits + n);
            for (const int32_t token : banned_) {
                allowed_[token] = -INFINITY;
            }
            const int32_t second = best(allowed_.data());
            return allowed_[second] == -INFINITY ? -1 : second;
        }
        fill(logits);
        llama_token_data_array list = { candidates_.data(), candidates_.size(), -1, false };
        if (constrained) {
            grammar_->apply(list);
        }
        if (chain_) {
            llama_sampler_apply(chain_.get(), &list);
        } else {
            list.selected = std::max_element(list.data, list.data + list.size, [](const auto & a, const auto & b) {
                                return a.logit < b.logit;
                            }) - list.data;
        }
        const bool any = list.selected >= 0 && list.data[list.selected].logit != -INFINITY;
        return any ? list.data[list.selected].id : -1;
    };

    const int32_t token = choose(false);
    // the grammar looks at the one chosen token first: applying it to the whole vocabulary is slow
    if (grammar_ && (token < 0 || !grammar_->allows(token))) {
        const int32_t allowed = choose(true);
        if (allowed < 0 && !grammar_->is_complete()) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                        "the grammar allows nothing behind the text so far, and that is not all of what it asks for: no token of "
                        "this model goes on as it wants, or sampling.logit_bias forbids those that do.");
        }
        return allowed;
    }
    if (token < 0) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                    "sampling.logit_bias forbids every token that could come next; leave one of them allowed.");
    }
    return token;
}

void sampler::restart_grammar() {
    if (grammar_) {
        grammar_->restart();
    }
}

void sampler::accept(int32_t token) {
    if (grammar_) {
        grammar_->accept(token);
    }
    if (chain_) {
        llama_sampler_accept(chain_.get(), token);
    }
}

void sampler::accept_prompt(const std::vector<int32_t> & tokens) {
    for (size_t i = 0; chain_ && i < tokens.size(); ++i) {
        llama_sampler_accept(chain_.get(), tokens[i]);
    }
}

void log_softmax::set(const float * logits, int32_t n_vocab) {
    logits_  = logits;
    n_vocab_ = n_vocab;
    scratch_.resize(n_vocab);
    const float max = max_of(logits, n_vocab);
    log_sum_        = max + std::log((float) ggml_vec_soft_max_f32(n_vocab, scratch_.data(), logits, max));
    if (!std::isfinite(log_sum_)) {
        throw not_a_number();
    }
}

std::vector<magnet_candidate> log_softmax::top(int32_t n) const {
    n = std::min(n, n_vocab_);
    std::vector<int32_t> ids(n_vocab_);
    for (int32_t i = 0; i < n_vocab_; ++i) {
        ids[i] = i;
    }
    std::partial_sort(ids.begin(), ids.begin() + n, ids.end(),
                      [&](int32_t a, int32_t b) { return logits_[a] != logits_[b] ? logits_[a] > logits_[b] : a < b; });
    std::vector<magnet_candidate> out(n);
    for (int32_t i = 0; i < n; ++i) {
        out[i] = { ids[i], (*this)(ids[i]) };
    }
    return out;
}

} // namespace magnet
