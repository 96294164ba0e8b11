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
};

} // namespace

double result_span::logprob() const {
    double sum = 0.0;
    for (const result_token & t : tokens) {
        sum += std::isnan(t.logprob) ? 0.0 : t.logprob;
    }
    return sum;
}

magnet_result * publish_result(result && r) {
    auto p = std::make_unique<published>();
    p->own = std::move(r);
    p->tokens.resize(p->own.spans.size());

    for (size_t s = 0; s < p->own.spans.size(); ++s) {
        const result_span & from   = p->own.spans[s];
        auto &              tokens = p->tokens[s];
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
        p->spans.push_back(to);
    }

    p->c.spans              = p->spans.data();
    p->c.n_spans            = (int32_t) p->spans.size();
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
