#include "magnet.h"
#include "side.h"

#include <time.h>

#include <stdexcept>

namespace magnet::bench {

namespace {

double now(clockid_t which) {
    timespec t;
    clock_gettime(which, &t);
    return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

void check(int32_t status) {
    if (status != MAGNET_STATUS_OK) {
        throw std::runtime_error(magnet_last_error());
    }
}

magnet_text view(const std::string & s) {
    return { s.data(), (int32_t) s.size() };
}

struct deleter {
    void operator()(magnet_model * m) const { magnet_model_free(m); }
    void operator()(magnet_session * s) const { magnet_session_free(s); }
    void operator()(magnet_result * r) const { magnet_result_free(r); }
};

// The first token is chosen from the prompt's logits: what comes before its event is the prompt's time.
struct split_time {
    stopwatch watch;
    timing    first;

    static bool on_token(const magnet_token_event * event, void * data) {
        auto * self = static_cast<split_time *>(data);
        if (event->index == 0) {
            self->first = self->watch.elapsed();
        }
        return true;
    }
};

class magnet_side : public infilling_side {
public:
    magnet_side(const std::string & path, int32_t n_threads) {
        magnet_model * m = nullptr;
        check(magnet_model_load(path.c_str(), nullptr, &m));
        model_.reset(m);
        magnet_session_params params = magnet_session_default_params();
        params.n_threads             = n_threads;
        magnet_session * s           = nullptr;
        check(magnet_session_create(m, &params, &s));
        session_.reset(s);
        check(magnet_model_get_info(m, &info_));
    }

    std::string name() const override { return "magnet"; }

    prompt make_prompt(const std::string & text) const override {
        prompt  p = { text, std::vector<int32_t>(text.size() + 2) };
        int32_t n = 0;
        check(magnet_tokenize(model_.get(), view(text), true, false, p.tokens.data(), (int32_t) p.tokens.size(), &n));
        p.tokens.resize(n);
        return p;
    }

    generated generate(const prompt & p, int32_t n) override {
        check(magnet_session_reset(session_.get()));
        split_time             time;
        magnet_generate_params params = magnet_generate_default_params();
        params.sampling               = magnet_infill_default_params().sampling; // greedy
        params.max_tokens             = n;
        params.ignore_eos             = true;
        params.parse_special          = false;
        params.on_token               = split_time::on_token;
        params.on_token_user_data     = &time;
        magnet_result * r             = nullptr;
        check(magnet_generate(session_.get(), view(p.text), &params, &r));
        return finish(time, r);
    }

    generated infill(const std::string & left, int32_t n, const std::string & right) override {
        check(magnet_session_reset(session_.get()));
        split_time           time;
        magnet_infill_params params = magnet_infill_default_params();
        params.on_token             = split_time::on_token;
        params.on_token_user_data   = &time;
        const magnet_part parts[]   = { { MAGNET_PART_TEXT, view(left), 0, 0 },
                                        { MAGNET_PART_GAP, {}, n, 0 },
                                        { MAGNET_PART_TEXT, view(right), 0, 0 } };
        magnet_result * r           = nullptr;
        check(magnet_infill(session_.get(), parts, 3, &params, &r));
        return finish(time, r);
    }

    embedded embed(const std::vector<prompt> & texts) override {
        magnet_embed_params params = magnet_embed_default_params();
        params.attention           = MAGNET_ATTENTION_CAUSAL;
        params.pooling             = MAGNET_POOLING_LAST;
        params.append_eos          = false;
        std::vector<magnet_text> views;
        for (const prompt & p : texts) {
            views.push_back(view(p.text));
        }
        embedded        out;
        const stopwatch watch;
        out.vectors.resize(texts.size() * (size_t) info_.n_embd);
        check(magnet_embed(session_.get(), views.data(), (int32_t) views.size(), &params, out.vectors.data(),
                           (int64_t) out.vectors.size(), nullptr));
        out.time = watch.elapsed();
        return out;
    }

private:
    static generated finish(const split_time & time, magnet_result * result) {
        const timing                                 all = time.watch.elapsed();
        const std::unique_ptr<magnet_result, deleter> r(result);
        generated                                    out;
        out.prompt = time.first;
        out.decode = { all.wall - time.first.wall, all.cpu - time.first.cpu };
        for (int32_t i = 0; i < r->spans[0].n_tokens; ++i) {
            out.tokens.push_back(r->spans[0].tokens[i].id);
        }
        return out;
    }

    std::unique_ptr<magnet_model, deleter>   model_;
    std::unique_ptr<magnet_session, deleter> session_;
    magnet_model_info                        info_ = {};
};

} // namespace

stopwatch::stopwatch() : begin_{ now(CLOCK_MONOTONIC), now(CLOCK_PROCESS_CPUTIME_ID) } {}

timing stopwatch::elapsed() const {
    return { now(CLOCK_MONOTONIC) - begin_.wall, now(CLOCK_PROCESS_CPUTIME_ID) - begin_.cpu };
}

std::unique_ptr<infilling_side> make_magnet_side(const std::string & model, int32_t n_threads) {
    return std::make_unique<magnet_side>(model, n_threads);
}

} // namespace magnet::bench
