// Generation: a prompt and what the model makes of it, plain causal attention.
#include "base/error.h"
#include "base/text.h"
#include "magnet-mask.h"
#include "session.h"
#include "span-writer.h"

#include <chrono>
#include <functional>
#include <random>

namespace magnet {

namespace {

// A checked prompt, how far it may go on, and how.
struct continuation {
    const model &                  base;
    const std::vector<int32_t> &   tokens;
    const int32_t                  n_max;
    const magnet_generate_params & params; // with the text's own seed
    const std::atomic<bool> &      cancelled;

    result write(decoder & d, const std::function<void()> & on_context) const;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The prompt, or the BOS that an empty one starts from.
std::vector<int32_t> checked_prompt(const model & m, std::vector<int32_t> tokens, int32_t n_ctx) {
    for (const int32_t token : tokens) {
        require(token >= 0 && token < m.n_vocab(), "a token of the prompt", token, "in the vocabulary");
    }
    if (tokens.empty()) {
        const int32_t bos = llama_vocab_bos(m.vocab());
        if (bos < 0) {
            throw error(MAGNET_STATUS_UNSUPPORTED, "an empty prompt starts from a BOS token, and this vocabulary has none. "
                                                   "Give a prompt.");
        }
        tokens.push_back(bos);
    }
    if ((int64_t) tokens.size() > n_ctx) {
        throw too_long("the prompt has " + std::to_string(tokens.size()) + " tokens", n_ctx, m.n_ctx_train(), "Shorten it");
    }
    return tokens;
}

// Puts the prompt into the cache; logits at its last token.
const float * read_prompt(decoder & d, const std::vector<int32_t> & tokens, result & out) {
    const int32_t     n = (int32_t) tokens.size();
    std::vector<slot> context(n - 1); // the last token is the one whose output is wanted
    for (int32_t i = 0; i + 1 < n; ++i) {
        context[i] = { tokens[i], i, MAGNET_MASK_SPAN, 0 };
    }
    out.n_prompt_tokens = n;
    return d.set_context(context, { tokens.back(), n - 1, MAGNET_MASK_SPAN, 0 }, true, out.n_reused_tokens);
}

result continuation::write(decoder & d, const std::function<void()> & on_context) const {
    const auto                start   = std::chrono::steady_clock::now();
    const span_writer_options options = { 0, params.top, { checked_stop(params.stop, params.n_stop), MAGNET_UNTIL_NONE, "" },
                                          params.on_token, params.on_token_user_data };
    span_writer               writer(base, options);
    sampler                   choose(base, params.sampling);
    choose.accept_prompt(tokens); // penalties look at the prompt as well, a grammar does not
    log_softmax   logprobs;
    result        out;
    int32_t       stop   = n_max == params.max_tokens ? MAGNET_STOP_LENGTH : MAGNET_STOP_CONTEXT;
    const float * logits = read_prompt(d, tokens, out);
    out.prompt_seconds   = seconds_since(start);
    if (on_context) {
        on_context();
    }
    try {
        for (int32_t pos = (int32_t) tokens.size(); writer.n_tokens() < n_max; ++pos) {
            if (cancelled) {
                throw error(MAGNET_STATUS_CANCELLED, "the call was cancelled.");
            }
            logprobs.set(logits, base.n_vocab());
            const int32_t token = choose.sample(logits);
            if (token < 0) {
                stop = MAGNET_STOP_GRAMMAR;
                break;
            }
            const bool ends = llama_vocab_is_eog(base.vocab(), token);
            if (ends && (!params.ignore_eos || choose.has_grammar())) { // a grammar lets it pass only where it is complete
                writer.set_stop_logprob(logprobs(token));
                stop = choose.has_grammar() ? MAGNET_STOP_GRAMMAR : MAGNET_STOP_END;
                break;
            }
            choose.accept(token);
            ++out.n_generated_tokens;
            if (!writer.push(token, logprobs) || writer.n_tokens() == n_max) {
                break;
            }
            logits = d.decode({ token, pos, MAGNET_MASK_SPAN, 0 }, true);
        }
    } catch (const error & e) {
        if (e.status != MAGNET_STATUS_CANCELLED || writer.n_tokens() == 0) { // nothing to return
            throw;
        }
        stop = MAGNET_STOP_CANCELLED;
    }
    out.spans.push_back(writer.finish(stop));
    out.generate_seconds = seconds_since(start) - out.prompt_seconds;
    return out;
}

} // namespace

result session::generate(const magnet_text & prompt, const magnet_generate_params & p) {
    // llama.cpp warns of a prompt that names BOS itself when it puts one in front
    return generate(base_->tokenize(checked_text(prompt, "the prompt"), p.add_special, p.parse_special), p);
}

result session::generate(std::vector<int32_t> tokens, const magnet_generate_params & p) {
    require(p.max_tokens >= -1, "max_tokens", p.max_tokens, "0 or more, or -1 (as many as fit)");
    require_between("top", p.top, 0, 100);
    require_between("n_texts", p.n_texts, 1, 256);
    check_sampling(p.sampling, *base_);
    if (p.n_texts > 1 && p.sampling.temperature == 0.0f) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "sampling.temperature is 0, so all texts would be the same; it must be above "
                                                    "0 where n_texts is above 1.");
    }
    tokens              = checked_prompt(*base_, std::move(tokens), params_.n_ctx);
    const int32_t room  = params_.n_ctx - (int32_t) tokens.size();
    const int32_t n_max = p.max_tokens < 0 ? room : std::min(p.max_tokens, room);
    const auto    write = [&](decoder & d, int64_t seed, const std::function<void()> & on_context) {
        magnet_generate_params how = p;
        how.sampling.seed          = seed;
        how.on_token               = p.n_texts > 1 ? nullptr : p.on_token;
        return continuation{ *base_, tokens, n_max, how, cancelled_ }.write(d, on_context);
    };
    const int64_t seed = p.sampling.seed < 0 ? int64_t(std::random_device{}()) : p.sampling.seed;
    result        out;
    for (seeded_result & one : run_several(write, p.n_texts, seed, (int32_t) tokens.size() + n_max, out)) {
        out.spans.push_back(std::move(one.made.spans[0]));
        out.spans.back().item = one.index;
    }
    return out;
}

} // namespace magnet
