#include "material.h"
#include "session.h"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace magnet::bench {

namespace {

// Callers in a thread each, on sessions of one model; the last one waits until the others have late_after tokens.
class callers {
public:
    callers(std::vector<session> & sessions, const std::vector<prompt> & prompts, int32_t n, int32_t late_after)
        : sessions_(sessions), prompts_(prompts), n_(n), late_after_(late_after), runs_(prompts.size()),
          running_((int32_t)prompts.size() - 1) {}

    std::vector<caller_run> run() {
        std::vector<std::thread> threads;
        for (size_t i = 0; i < prompts_.size(); ++i) {
            threads.emplace_back([this, i] {
                try {
                    one(i);
                } catch (const std::exception & e) {
                    fail(e.what());
                }
            });
        }
        for (std::thread & t : threads) {
            t.join();
        }
        if (!failure_.empty()) {
            throw std::runtime_error(failure_);
        }
        return runs_;
    }

private:
    void one(size_t i) {
        if (late_after_ > 0 && i + 1 == prompts_.size()) {
            std::unique_lock<std::mutex> lock(mutex_);
            changed_.wait(lock, [&] { return running_ <= 0 || !failure_.empty(); });
        }
        caller_run & c = runs_[i];
        c.begin        = watch_.elapsed().wall;
        c.tokens       = sessions_[i]
                       .generate(prompts_[i].text, n_,
                                 [&](int32_t index) {
                                     if (index == (int32_t)c.at.size()) { // not what comes after the last one
                                         c.at.push_back(watch_.elapsed().wall);
                                     }
                                     if (index + 1 == late_after_) {
                                         const std::lock_guard<std::mutex> lock(mutex_);
                                         --running_;
                                         changed_.notify_all();
                                     }
                                 })
                       .tokens;
    }

    void fail(const std::string & what) {
        const std::lock_guard<std::mutex> lock(mutex_);
        failure_ = what;
        changed_.notify_all();
    }

    std::vector<session> &      sessions_;
    const std::vector<prompt> & prompts_;
    const int32_t               n_, late_after_;
    std::vector<caller_run>     runs_;
    int32_t                     running_; // that have fewer than late_after tokens
    std::string                 failure_;
    std::mutex                  mutex_;
    std::condition_variable     changed_;
    const stopwatch             watch_;
};

class magnet_side : public infilling_side {
public:
    magnet_side(std::shared_ptr<const model> shared, int32_t n_threads)
        : n_threads_(n_threads), model_(std::move(shared)) {
        sessions_.emplace_back(model_, n_threads);
        std::string text; // weights are copied and packed when they are first needed, which is no work of the runs
        for (const std::string & sentence : sentences(16)) {
            text += sentence + " ";
        }
        sessions_[0].generate(text, 2);
    }

    std::string name() const override { return "magnet"; }

    prompt make_prompt(const std::string & text) const override { return {text, model_->tokenize(text)}; }

    generated generate(const prompt & p, int32_t n) override { return sessions_[0].generate(p.text, n); }

    std::vector<caller_run> together(const std::vector<prompt> & prompts, int32_t n, int32_t late_after) override {
        while (sessions_.size() < prompts.size()) {
            sessions_.emplace_back(model_, n_threads_);
        }
        return callers(sessions_, prompts, n, late_after).run();
    }

    generated infill(const std::string & left, int32_t n, const std::string & right, int32_t context) override {
        return sessions_[0].infill({{MAGNET_PART_TEXT, view(left), 0, 0, false},
                                    {MAGNET_PART_GAP, {}, n, 0, false},
                                    {MAGNET_PART_TEXT, view(right), 0, 0, false}},
                                   context);
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
        out.vectors.resize(texts.size() * (size_t)model_->info().n_embd);
        check(magnet_embed(sessions_[0].get(), views.data(), (int32_t)views.size(), &params, out.vectors.data(),
                           (int64_t)out.vectors.size(), nullptr));
        out.time = watch.elapsed();
        return out;
    }

private:
    const int32_t                n_threads_;
    std::shared_ptr<const model> model_;
    std::vector<session>         sessions_;
};

} // namespace

std::unique_ptr<infilling_side> make_magnet_side(std::shared_ptr<const model> shared, int32_t n_threads) {
    return std::make_unique<magnet_side>(std::move(shared), n_threads);
}

} // namespace magnet::bench
