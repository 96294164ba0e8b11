// Chooses the next token: llama.cpp's sampler chain behind MAGNET's parameters.
#pragma once

#include "grammar.h"
#include "model/model.h"

#include <memory>
#include <vector>

namespace magnet {

// Throws INVALID_ARGUMENT, naming the field.
void check_sampling(const magnet_sampling_params & params, const model & m);

class sampler {
public:
    // Throws INVALID_ARGUMENT for a parameter out of range or a grammar that does not parse.
    sampler(const model & m, const magnet_sampling_params & params);

    // Tokens that must not be chosen from now on (an exact gap must not end early).
    void ban(const std::vector<int32_t> & tokens) { banned_ = tokens; }

    // The next token for these logits [V], or -1 if grammar and bans leave none. logits is not changed.
    int32_t sample(const float * logits);

    // A new span begins, which matches the grammar from its start.
    void restart_grammar();

    // Tells penalties and grammar what was taken.
    void accept(int32_t token);

    // Tells penalties what stands before.
    void accept_prompt(const std::vector<int32_t> & tokens);

    bool has_grammar() const { return grammar_ != nullptr; }

private:
    void fill(const float * logits);

    const model &                 model_;
    llama_sampler_ptr             chain_;   // null: greedy, nothing to apply
    std::unique_ptr<grammar>      grammar_;
    std::vector<int32_t>          banned_;
    std::vector<llama_token_data> candidates_;
    std::vector<float>            allowed_; // logits, those of banned tokens taken out
};

// Log-probabilities of the model's own distribution.
class log_softmax {
public:
    void          set(const float * logits, int32_t n_vocab); // logits stay borrowed; throws BAD_FILE if they are NaN
    float         operator()(int32_t token) const { return logits_[token] - log_sum_; }
    // The n best, best first.
    std::vector<magnet_candidate> top(int32_t n) const;

private:
    const float *      logits_  = nullptr;
    int32_t            n_vocab_ = 0;
    float              log_sum_ = 0.0f;
    std::vector<float> scratch_;
};

} // namespace magnet
