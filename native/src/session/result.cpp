#include "result.h"

#include <cmath>

namespace magnet {

namespace {

// The C struct first, so that a pointer to it is a pointer to all.
struct published {
    magnet_result                          c = {};
    result                                 own;
    std::vector<magnet_span>               spans;
    std::vector<std::vector<magnet_token>> tokens;
    std::vector<magnet_filling>            fillings;
};

} // namespace

double result_span::logprob() const {
    double sum = 0.0;
    for (const result_token & t : tokens) {
        sum += std::isnan(t.logprob) ? 0.0 : t.logprob;
    }
    return sum;
}

namespace {

magnet_span published_span(const result_span & from, std::vector<magnet_token> & tokens) {
    for (const result_token & t : from.tokens) {
        tokens.push_back({ t.id, t.logprob, t.text_offset, (int32_t) t.top.size(), t.top.empty() ? nullptr : t.top.data() });
    }
    magnet_span to  = {};
    to.text         = from.text.c_str();
    to.text_size    = (int32_t) from.text.size();
    to.n_tokens     = (int32_t) tokens.size();
    to.tokens       = tokens.data();
    to.logprob      = from.logprob();
    to.stop_logprob = from.stop_logprob;
    to.item         = from.item;
    to.part         = from.part;
    to.stop         = from.stop;
    return to;
}

magnet_filling published_filling(const result_filling & from, const magnet_span * spans) {
    magnet_filling to = {};
    to.spans          = spans;
    to.n_spans        = (int32_t) from.spans.size();
    to.count          = from.count;
    to.seed           = from.seed;
    to.score          = from.score;
    to.gap_logprob    = from.gap_logprob;
    to.right_logprob  = from.right_logprob;
    to.n_gap_tokens   = from.n_gap_tokens;
    to.n_right_tokens = from.n_right_tokens;
    return to;
}

} // namespace

magnet_result * publish_result(result && r) {
    auto p = std::make_unique<published>();
    p->own = std::move(r);

    std::vector<const result_span *> all;
    for (const result_span & span : p->own.spans) {
        all.push_back(&span);
    }
    for (const result_filling & filling : p->own.fillings) {
        for (const result_span & span : filling.spans) {
            all.push_back(&span);
        }
    }
    p->tokens.resize(all.size());
    for (size_t s = 0; s < all.size(); ++s) {
        p->spans.push_back(published_span(*all[s], p->tokens[s]));
    }
    size_t first = p->own.spans.size();
    for (const result_filling & filling : p->own.fillings) {
        p->fillings.push_back(published_filling(filling, p->spans.data() + first));
        first += filling.spans.size();
    }

    p->c.spans              = p->spans.data();
    p->c.n_spans            = p->fillings.empty() ? (int32_t) p->spans.size() : p->fillings[0].n_spans;
    p->c.fillings           = p->fillings.data();
    p->c.n_fillings         = (int32_t) p->fillings.size();
    p->c.n_prompt_tokens    = p->own.n_prompt_tokens;
    p->c.n_reused_tokens    = p->own.n_reused_tokens;
    p->c.n_generated_tokens = p->own.n_generated_tokens;
    p->c.prompt_seconds     = p->own.prompt_seconds;
    p->c.generate_seconds   = p->own.generate_seconds;
    return &p.release()->c;
}

void free_result(magnet_result * r) {
    delete reinterpret_cast<published *>(r);
}

} // namespace magnet
