// A model and a session of it, and what programs that measure libmagnet do with them.
#pragma once

#include "magnet.h"
#include "side.h"

#include <memory>
#include <string>
#include <vector>

namespace magnet::bench {

// Throws the message of the call that failed.
void check(int32_t status);

inline magnet_text view(const std::string & s) {
    return {s.data(), (int32_t)s.size()};
}

class session {
public:
    session(const std::string & model, int32_t n_threads, int32_t n_gpu_layers = 0);

    magnet_session *          get() const { return session_.get(); }
    const magnet_model_info & info() const { return info_; }

    // Tokens of a text as a prompt begins, and the text of tokens.
    std::vector<int32_t> tokenize(const std::string & text) const;
    std::string          detokenize(const std::vector<int32_t> & tokens) const;

    // n greedy tokens from an empty cache; an end of sequence does not stop it.
    generated generate(const std::string & prompt, int32_t n);
    // Greedy tokens for all gaps of the parts, from an empty cache.
    generated infill(const std::vector<magnet_part> & parts, int32_t context);

private:
    struct deleter {
        void operator()(magnet_model * m) const { magnet_model_free(m); }
        void operator()(magnet_session * s) const { magnet_session_free(s); }
    };
    std::unique_ptr<magnet_model, deleter>   model_;
    std::unique_ptr<magnet_session, deleter> session_;
    magnet_model_info                        info_ = {};
};

} // namespace magnet::bench
