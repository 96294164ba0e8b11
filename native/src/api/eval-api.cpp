// The evaluation functions of magnet.h: parameters in, figures out, and the status.
#include "eval/evaluation.h"
#include "handles.h"

#include <chrono>

using namespace magnet;
using namespace magnet::eval;

namespace {

// The C struct first, so that a pointer to it is a pointer to all.
struct published {
    magnet_eval_result              c = {};
    eval_result                     own;
    std::vector<magnet_eval_figure> figures;
    std::vector<magnet_eval_series> series;
};

magnet_eval_result * publish(eval_result && r, double seconds) {
    auto p = std::make_unique<published>();
    p->own = std::move(r);
    for (const eval_figure & f : p->own.figures) {
        p->figures.push_back({f.name.c_str(), f.value, f.count, f.range.low, f.range.high});
    }
    for (const eval_series & s : p->own.series) {
        p->series.push_back({s.name.c_str(), s.values.data(), (int32_t)s.values.size()});
    }
    p->c = {p->figures.data(), p->series.data(), (int32_t)p->figures.size(), (int32_t)p->series.size(), seconds};
    return &p.release()->c;
}

} // namespace

magnet_eval_params magnet_eval_default_params(void) {
    magnet_eval_params p      = {};
    p.infill.n_gaps           = 1;
    p.infill.span_min         = 8;
    p.infill.span_max         = 32;
    p.infill.window           = 256;
    p.perplexity.window       = 256;
    p.repetition.sampling     = magnet_generate_default_params().sampling;
    p.repetition.prefix_words = 32;
    p.repetition.max_tokens   = 256;
    p.retrieval.fusion        = 0.5f;
    p.resamples               = 1000;
    return p;
}

int32_t magnet_eval(magnet_session * s, const magnet_eval_params * params, magnet_eval_result ** out_result) {
    return guard([&] {
        check_out_handle(out_result, "out_result");
        session &           impl = not_null(s, "session").impl;
        const session::call call(impl);
        not_null(params, "params");

        using clock        = std::chrono::steady_clock;
        const auto  start  = clock::now();
        eval_result result = evaluate(impl, *params);
        *out_result        = publish(std::move(result), std::chrono::duration<double>(clock::now() - start).count());
    });
}

void magnet_eval_result_free(magnet_eval_result * result) {
    guard([&] { delete reinterpret_cast<published *>(result); });
}
