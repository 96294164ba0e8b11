// A model and a session of it, and what programs that measure libmagnet do with them.
#pragma once

#include "magnet.h"
#include "side.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace magnet::bench {

// Throws the message of the call that failed.
void check(int32_t status);

inline magnet_text view(const std::string & s) {
    return {s.data(), (int32_t)s.size()};
}

// A model in memory, shared by its sessions.
class model {
public:
    explicit model(const std::string & path, int32_t n_gpu_layers = 0);
    model(const std::string & path, const magnet_model_params & params);

    magnet_model *            get() const { return model_.get(); }
    const magnet_model_info & info() const { return info_; }

    // Tokens of a text as a prompt begins, and the text of tokens.
    std::vector<int32_t> tokenize(const std::string & text) const;
    std::string          detokenize(const std::vector<int32_t> & tokens) const;

private:
    struct deleter {
        void operator()(magnet_model * m) const { magnet_model_free(m); }
    };
    std::unique_ptr<magnet_model, deleter> model_;
    magnet_model_info                      info_ = {};
};

class session {
public:
    session(const std::shared_ptr<const model> & of, const magnet_session_params & params);
    session(const std::shared_ptr<const model> & of, int32_t n_threads);

    magnet_session *          get() const { return session_.get(); }
    const magnet_model_info & info() const { return model_->info(); }

    // n greedy tokens from an empty cache; an end of sequence does not stop it. on_token is called from this thread
    // with the index of each.
    generated generate(const std::string & prompt, int32_t n, const std::function<void(int32_t)> & on_token = {});
    // Greedy tokens for all gaps of the parts, from an empty cache.
    generated infill(const std::vector<magnet_part> & parts, int32_t context);

private:
    struct deleter {
        void operator()(magnet_session * s) const { magnet_session_free(s); }
    };
    std::shared_ptr<const model>             model_;
    std::unique_ptr<magnet_session, deleter> session_;
};

} // namespace magnet::bench
