#include "session.h"

#include <stdexcept>

namespace magnet::bench {

namespace {

// The first token is chosen from the prompt's logits: what comes before its event is the prompt's time.
struct split_time {
    stopwatch                    watch;
    timing                       first;
    bool                         begun = false;
    std::function<void(int32_t)> then;

    static bool on_token(const magnet_token_event * event, void * data) {
        auto * self = static_cast<split_time *>(data);
        if (!self->begun) {
            self->first = self->watch.elapsed();
            self->begun = true;
        }
        if (self->then) {
            self->then(event->index);
        }
        return true;
    }
};

generated finish(const split_time & time, magnet_result * r) {
    const timing all = time.watch.elapsed();
    generated    out;
    out.prompt = time.first;
    out.decode = {all.wall - time.first.wall, all.cpu - time.first.cpu};
    for (int32_t s = 0; s < r->n_spans; ++s) {
        for (int32_t i = 0; i < r->spans[s].n_tokens; ++i) {
            out.tokens.push_back(r->spans[s].tokens[i].id);
        }
    }
    magnet_result_free(r);
    return out;
}

} // namespace

void check(int32_t status) {
    if (status != MAGNET_STATUS_OK) {
        throw std::runtime_error(magnet_last_error());
    }
}

static magnet_model_params on_gpu(int32_t n_layers) {
    magnet_model_params params = magnet_model_default_params();
    params.n_gpu_layers        = n_layers;
    return params;
}

model::model(const std::string & path, int32_t n_gpu_layers) : model(path, on_gpu(n_gpu_layers)) {}

model::model(const std::string & path, const magnet_model_params & params) {
    magnet_model * m = nullptr;
    check(magnet_model_load(path.c_str(), &params, &m));
    model_.reset(m);
    check(magnet_model_get_info(m, &info_));
}

std::vector<int32_t> model::tokenize(const std::string & text) const {
    std::vector<int32_t> tokens(text.size() + 2);
    int32_t              n = 0;
    check(magnet_tokenize(get(), view(text), true, false, tokens.data(), (int32_t)tokens.size(), &n));
    tokens.resize(n);
    return tokens;
}

std::string model::detokenize(const std::vector<int32_t> & tokens) const {
    int32_t n = 0;
    check(magnet_detokenize(get(), tokens.data(), (int32_t)tokens.size(), false, nullptr, 0, &n));
    std::string text(n + 1, '\0');
    check(magnet_detokenize(get(), tokens.data(), (int32_t)tokens.size(), false, text.data(), n + 1, &n));
    text.resize(n);
    return text;
}

static magnet_session_params with_threads(int32_t n) {
    magnet_session_params params = magnet_session_default_params();
    params.n_threads             = n;
    return params;
}

session::session(const std::shared_ptr<const model> & of, int32_t n_threads)
    : session(of, with_threads(n_threads)) {}

session::session(const std::shared_ptr<const model> & of, const magnet_session_params & params) : model_(of) {
    magnet_session * s = nullptr;
    check(magnet_session_create(of->get(), &params, &s));
    session_.reset(s);
}

generated session::generate(const std::string & prompt, int32_t n, const std::function<void(int32_t)> & on_token) {
    check(magnet_session_reset(session_.get()));
    split_time time;
    time.then                     = on_token;
    magnet_generate_params params = magnet_generate_default_params();
    params.sampling               = magnet_infill_default_params().sampling; // greedy
    params.max_tokens             = n;
    params.ignore_eos             = true;
    params.parse_special          = false;
    params.on_token               = split_time::on_token;
    params.on_token_user_data     = &time;
    magnet_result * r             = nullptr;
    check(magnet_generate(session_.get(), view(prompt), &params, &r));
    return finish(time, r);
}

generated session::infill(const std::vector<magnet_part> & parts, int32_t context) {
    check(magnet_session_reset(session_.get()));
    split_time           time;
    magnet_infill_params params = magnet_infill_default_params();
    params.context              = context;
    params.on_token             = split_time::on_token;
    params.on_token_user_data   = &time;
    magnet_result * r           = nullptr;
    check(magnet_infill(session_.get(), parts.data(), (int32_t)parts.size(), &params, &r));
    return finish(time, r);
}

} // namespace magnet::bench
