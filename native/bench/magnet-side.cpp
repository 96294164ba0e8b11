#include "session.h"

namespace magnet::bench {

namespace {

class magnet_side : public infilling_side {
public:
    magnet_side(const std::string & path, int32_t n_threads) : session_(path, n_threads) {}

    std::string name() const override { return "magnet"; }

    prompt make_prompt(const std::string & text) const override { return {text, session_.tokenize(text)}; }

    generated generate(const prompt & p, int32_t n) override { return session_.generate(p.text, n); }

    generated infill(const std::string & left, int32_t n, const std::string & right) override {
        return session_.infill(
            {{MAGNET_PART_TEXT, view(left), 0, 0}, {MAGNET_PART_GAP, {}, n, 0}, {MAGNET_PART_TEXT, view(right), 0, 0}},
            MAGNET_CONTEXT_DEFAULT);
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
        out.vectors.resize(texts.size() * (size_t)session_.info().n_embd);
        check(magnet_embed(session_.get(), views.data(), (int32_t)views.size(), &params, out.vectors.data(),
                           (int64_t)out.vectors.size(), nullptr));
        out.time = watch.elapsed();
        return out;
    }

private:
    session session_;
};

} // namespace

std::unique_ptr<infilling_side> make_magnet_side(const std::string & model, int32_t n_threads) {
    return std::make_unique<magnet_side>(model, n_threads);
}

} // namespace magnet::bench
