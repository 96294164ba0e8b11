// Generation: a prompt and what the model makes of it, plain causal attention.
#include "base/error.h"
#include "base/text.h"
#include "magnet-mask.h"
#include "session.h"
#include "span-writer.h"

#include <chrono>
#include <cmath>

namespace magnet {

namespace {

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

} // namespace

result session::generate(const magnet_text & prompt, const magnet_generate_params & p) {
    // llama.cpp warns of a prompt that names BOS itself when it puts one in front
    return generate(base_->tokenize(checked_text(prompt, "the prompt"), p.add_special, p.parse_special), p);
}

result session::generate(std::vector<int32_t> tokens, const magnet_generate_params & p) {
    require(p.max_tokens >= -1, "max_tokens", p.max_tokens, "0 or more, or -1 (as many as fit)");
    require_between("top", p.top, 0, 100);
    const auto                 start  = std::chrono::steady_clock::now();
    sampler                    choose(*base_, p.sampling);
    const span_writer_options  options = { 0, p.top, { checked_stop(p.stop, p.n_stop), MAGNET_UNTIL_NONE, "" },
                                           p.on_token, p.on_token_user_data };
    span_writer                writer(*base_, options);

    tokens                 = checked_prompt(*base_, std::move(tokens), params_.n_ctx);
    const int32_t n_prompt = (int32_t) tokens.size();

    const int32_t room  = params_.n_ctx - n_prompt;
    const int32_t n_max = p.max_tokens < 0 ? room : std::min(p.max_tokens, room);
    get_decoder().begin(n_prompt + n_max);

    // the last token is the one whose output is wanted
    std::vector<slot> context(n_prompt - 1);
    for (int32_t i = 0; i + 1 < n_prompt; ++i) {
        context[i] = { tokens[i], i, MAGNET_MASK_SPAN, 0 };
    }

    // penalties look at the prompt as well, a grammar does not
    choose.accept_prompt(tokens);

    result out;
    out.n_prompt_tokens = n_prompt;

    log_softmax   logprobs;
    int32_t       stop      = n_max == p.max_tokens ? MAGNET_STOP_LENGTH : MAGNET_STOP_CONTEXT;
    const slot    predictor = { tokens.back(), n_prompt - 1, MAGNET_MASK_SPAN, 0 };
    const float * logits    = decoder_->set_context(context, predictor, true, out.n_reused_tokens);
    out.prompt_seconds      = seconds_since(start);
    try {
        for (int32_t pos = n_prompt; writer.n_tokens() < n_max; ++pos) {
            if (cancelled_) {
                throw error(MAGNET_STATUS_CANCELLED, "the call was cancelled.");
            }
            logprobs.set(logits, base_->n_vocab());
            const int32_t token = choose.sample(logits);
            if (token < 0) {
                stop = MAGNET_STOP_GRAMMAR;
                break;
            }
            const bool ends = llama_vocab_is_eog(base_->vocab(), token);
            if (ends && (!p.ignore_eos || choose.has_grammar())) { // a grammar lets it pass only where it is complete
                writer.set_stop_logprob(logprobs(token));
                stop = choose.has_grammar() ? MAGNET_STOP_GRAMMAR : MAGNET_STOP_END;
                break;
            }
            choose.accept(token);
            ++out.n_generated_tokens;
            if (!writer.push(token, logprobs) || writer.n_tokens() == n_max) {
                break;
            }
            logits = decoder_->decode({ token, pos, MAGNET_MASK_SPAN, 0 }, true);
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

} // namespace magnet
