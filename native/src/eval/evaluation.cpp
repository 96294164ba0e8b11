#include "evaluation.h"

#include "base/distinct-files.h"
#include "base/error.h"
#include "base/file-stamp.h"
#include "model/adapter.h"
#include "options.h"
#include "session/sampler.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace magnet::eval {

// Of all the files that it lies in.
static std::string stamp_of_model(const model & m) {
    std::string stamps = m.file().digest();
    for (const std::string & part : model_parts(m.path())) {
        stamps += part == m.path() ? "" : " " + file_stamp(part);
    }
    return stamps;
}

// What finished items depend on.
static nlohmann::json describe(const session & with, const magnet_eval_params & p) {
    nlohmann::json d     = describe_options(p);
    d["model"]           = stamp_of_model(with.base());
    d["engine"]          = with.uses_fused_engine() ? "fused" : "graph"; // they round differently
    d["gpu"]             = with.base().on_gpu();                         // so does a GPU
    d["flash_attention"] = with.flash_attention();                       // and this
    d["ctx"]             = with.n_ctx();                                 // what is longer is cut, or an error
    d["adapters"]        = nlohmann::json::array();
    for (const used_adapter & use : with.adapters()) {
        d["adapters"].push_back({use.what->digest(), use.scale});
    }
    return d;
}

// Before the state is opened to be written.
static const magnet_eval_params & with_own_state(const session & with, const magnet_eval_params & p) {
    std::vector<named_file> reads = {{"the model", with.base().path()}};
    const auto              add   = [&reads](const char * name, const char * path) {
        reads.push_back({name, path ? path : ""});
    };
    add("the file to judge by", p.file);
    if (p.protocol == MAGNET_EVAL_PROBE) {
        add("the file to learn from", p.probe.train_file);
    }
    if (p.protocol == MAGNET_EVAL_RETRIEVAL) {
        add("the documents", p.retrieval.documents);
        add("the judgements", p.retrieval.relevance);
    }
    check_distinct(reads, {{"the state", p.state ? p.state : ""}});
    return p;
}

evaluation::evaluation(session & with, const magnet_eval_params & params)
    : with_(with), params_(with_own_state(with, params)),
      done_(params.state ? params.state : "", params.state ? describe(with, params) : nlohmann::json()) {}

void evaluation::check_length(size_t n_tokens, const std::string & path, int64_t line) const {
    if ((int64_t)n_tokens > with_.n_ctx()) {
        throw too_long(path + ":" + std::to_string(line) + ": the line has " + std::to_string(n_tokens) + " tokens",
                       with_.n_ctx(), with_.base().n_ctx_train(), "Shorten it");
    }
}

void evaluation::check_window(const std::string & field, int32_t window, size_t n_tokens) const {
    const int32_t longest = with_.n_ctx() - llama_vocab_get_add_bos(base().vocab());
    require((int64_t)n_tokens <= longest, field, window, "at most " + std::to_string(longest) + ", which is read here of a text");
}

void evaluation::add(eval_result & out, const std::string & name, size_t count, size_t n, const statistic & figure) const {
    out.figures.push_back({name, of_all(n, figure), (int64_t)count, bootstrap(n, params_.resamples, figure)});
}

bool evaluation::are_finite(const std::vector<double> & outcome, size_t n) {
    return outcome.size() == n && std::all_of(outcome.begin(), outcome.end(), [](double x) { return std::isfinite(x); });
}

static std::string item_name(const evaluation::work & w, size_t item) {
    return w.variant + ":" + std::to_string(item);
}

bool evaluation::finished(const work & w) const {
    for (size_t i = 0; i < w.n_items; ++i) {
        if (!done_.find(item_name(w, i))) {
            return false;
        }
    }
    return true;
}

void evaluation::expect(size_t n_items) {
    progress_.total += (int64_t)n_items;
}

void evaluation::advance(size_t n_items) {
    progress_.done += (int64_t)n_items;
    if (with_.cancelled() || (params_.progress && !params_.progress(&progress_, params_.progress_user_data))) {
        throw error(MAGNET_STATUS_CANCELLED, "the call was cancelled.");
    }
}

evaluation::outcomes evaluation::run(const work & w) {
    outcomes            all(w.n_items);
    std::vector<size_t> open;
    for (size_t i = 0; i < w.n_items; ++i) {
        if (const std::vector<double> * found = done_.find(item_name(w, i))) {
            if (!w.plausible(i, *found)) {
                throw error(MAGNET_STATUS_BAD_FILE, std::string(params_.state) + " is damaged: \"" + item_name(w, i) +
                                                        "\" has other values than this protocol keeps. Remove its line to "
                                                        "compute it again.");
            }
            all[i] = *found;
        } else {
            open.push_back(i);
        }
    }
    advance(w.n_items - open.size());

    for (size_t begin = 0; begin < open.size(); begin += w.batch_size) {
        const size_t              end = std::min(begin + w.batch_size, open.size());
        const std::vector<size_t> items(open.begin() + begin, open.begin() + end);
        outcomes                  computed = w.compute(items);
        for (size_t i = 0; i < items.size(); ++i) {
            done_.add(item_name(w, items[i]), computed[i]);
            all[items[i]] = std::move(computed[i]);
        }
        advance(items.size());
    }
    return all;
}

std::vector<evaluation::outcomes> evaluation::run(const std::vector<work> & works) {
    for (const work & w : works) {
        expect(w.n_items);
    }
    std::vector<outcomes> all;
    for (const work & w : works) {
        all.push_back(run(w));
    }
    return all;
}

eval_result evaluate(session & with, const magnet_eval_params & params) {
    check_options(params);
    if (params.protocol == MAGNET_EVAL_REPETITION) {
        magnet_sampling_params how = params.repetition.sampling;
        how.seed                   = -1; // each continuation has its own
        check_sampling(how, with.base());
    }
    evaluation e(with, params);
    switch (params.protocol) {
        case MAGNET_EVAL_STS:
            return eval_sts(e);
        case MAGNET_EVAL_INFILL:
            return eval_infill(e);
        case MAGNET_EVAL_PERPLEXITY:
            return eval_perplexity(e);
        case MAGNET_EVAL_REPETITION:
            return eval_repetition(e);
        case MAGNET_EVAL_PROBE:
            return eval_probe(e);
        case MAGNET_EVAL_CHOICE:
            return eval_choice(e);
        default:
            return eval_retrieval(e);
    }
}

} // namespace magnet::eval
