#include "evaluation.h"

#include "base/atomic-file.h"
#include "base/error.h"
#include "model/adapter.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace magnet::eval {

namespace {

constexpr const char * protocol_names[] = {"sts", "infill", "perplexity", "repetition", "probe", "choice", "retrieval"};

// FNV-1a, 64 bits
uint64_t hash_of(const std::string & bytes, uint64_t hash = 0xcbf29ce484222325u) {
    for (const unsigned char c : bytes) {
        hash = (hash ^ c) * 0x100000001b3u;
    }
    return hash;
}

// Tells a file from others without reading gigabytes: its size, first and last MiB.
std::string stamp_of(const std::string & path) {
    constexpr std::streamoff part = 1 << 20;

    std::error_code      code;
    const std::streamoff size = (std::streamoff)std::filesystem::file_size(path, code);
    std::ifstream        file(path, std::ios::binary);
    if (code || !file) {
        throw error(MAGNET_STATUS_IO, "cannot read " + path + " (to tell the state of this evaluation from others).");
    }
    std::string bytes((size_t)std::min(size, part), '\0');
    uint64_t    hash = hash_of(std::to_string(size));
    for (const std::streamoff begin : {std::streamoff(0), std::max<std::streamoff>(size - part, 0)}) {
        file.seekg(begin);
        file.read(bytes.data(), (std::streamsize)bytes.size());
        hash = hash_of(bytes, hash);
    }
    char text[20];
    std::snprintf(text, sizeof(text), "%016llx", (unsigned long long)hash);
    return text;
}

template <typename T>
nlohmann::json list_of(const T * values, int32_t n) {
    nlohmann::json list = nlohmann::json::array();
    for (int32_t i = 0; i < n; ++i) {
        list.push_back(values[i]);
    }
    return list;
}

// What finished items depend on.
nlohmann::json describe(const session & with, const magnet_eval_params & p) {
    const auto text = [](const char * s) { return s ? nlohmann::json(s) : nlohmann::json(); };

    nlohmann::json d;
    d["protocol"]             = protocol_names[p.protocol];
    d["model"]                = stamp_of(with.base().path());
    d["engine"]               = with.uses_fused_engine() ? "fused" : "graph"; // they round differently
    d["ctx"]                  = with.n_ctx();                                 // what is longer is cut, or an error
    d["instruction"]          = text(p.instruction);
    d["document_instruction"] = text(p.document_instruction);
    d["prompt"]               = text(p.prompt);
    d["poolings"]             = list_of(p.poolings, p.n_poolings);
    d["attentions"]           = list_of(p.attentions, p.n_attentions);
    d["l2"]                   = list_of(p.l2, p.n_l2);
    d["seed"]                 = p.seed;
    d["train_limit"]          = p.train_limit;
    d["gaps"]                 = {p.gaps, p.n_gaps, p.span_min, p.span_max, p.room};
    d["window"]               = p.window;
    d["prefix_words"]         = p.prefix_words;
    d["max_tokens"]           = p.max_tokens;
    d["word"]                 = p.word;
    d["sampling"]             = {p.sampling.temperature,
                                 p.sampling.top_k,
                                 p.sampling.top_p,
                                 p.sampling.min_p,
                                 p.sampling.repeat_penalty,
                                 p.sampling.frequency_penalty,
                                 p.sampling.presence_penalty,
                                 p.sampling.penalty_last_n,
                                 text(p.sampling.grammar)};
    for (int32_t i = 0; i < p.sampling.n_logit_bias && p.sampling.logit_bias; ++i) {
        d["logit_bias"].push_back({p.sampling.logit_bias[i].token, p.sampling.logit_bias[i].bias});
    }
    for (const auto & [name, path] : {std::pair<const char *, const char *>{"file", p.file},
                                      {"train_file", p.train_file},
                                      {"documents", p.documents}}) {
        d[name] = path ? nlohmann::json(stamp_of(path)) : nlohmann::json();
    }
    d["adapters"] = nlohmann::json::array();
    for (const used_adapter & use : with.adapters()) {
        d["adapters"].push_back({stamp_of(use.what->path()), use.scale});
    }
    if (p.protocol == MAGNET_EVAL_PROBE) {
        d["limit"] = p.limit; // its items are whole probes
    }
    return d;
}

void require(bool ok, const char * field, int64_t value, const char * range) {
    if (!ok) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                    std::string(field) + " is " + std::to_string(value) + "; it must be " + range + ".");
    }
}

void require_list(const int32_t * values, int32_t n, const char * field, int32_t first, int32_t last,
                  const char * range) {
    if (n < 0 || (n > 0 && !values)) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                    std::string(field) + " is NULL, or has a negative number of elements.");
    }
    for (int32_t i = 0; i < n; ++i) {
        require(values[i] >= first && values[i] <= last, field, values[i], range);
    }
}

void require_file(const char * path, const char * field) {
    if (!path || !*path) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, std::string(field) + " is NULL; this protocol needs that file.");
    }
}

void check_eval_params(const magnet_eval_params & p) {
    require(p.protocol >= MAGNET_EVAL_STS && p.protocol <= MAGNET_EVAL_RETRIEVAL, "protocol", p.protocol,
            "one of enum magnet_eval_protocol");
    require_file(p.file, "file");
    if (p.protocol == MAGNET_EVAL_PROBE) {
        require_file(p.train_file, "train_file");
    }
    if (p.protocol == MAGNET_EVAL_RETRIEVAL) {
        require_file(p.documents, "documents");
        require_file(p.relevance, "relevance");
    }
    require_list(p.poolings, p.n_poolings, "poolings", MAGNET_POOLING_DEFAULT, MAGNET_POOLING_WEIGHTED_MEAN,
                 "of enum magnet_pooling");
    require_list(p.attentions, p.n_attentions, "attentions", MAGNET_ATTENTION_DEFAULT, MAGNET_ATTENTION_CAUSAL,
                 "of enum magnet_attention");
    require_list(p.contexts, p.n_contexts, "contexts", MAGNET_CONTEXT_DEFAULT, MAGNET_CONTEXT_LEFT,
                 "of enum magnet_context");
    require_list(p.tasks, p.n_tasks, "tasks", MAGNET_EVAL_TASK_POS, MAGNET_EVAL_TASK_NER, "of enum magnet_eval_task");
    require_list(p.cutoffs, p.n_cutoffs, "cutoffs", 1, INT32_MAX, "1 or more");
    if (p.n_l2 < 0 || (p.n_l2 > 0 && !p.l2)) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "l2 is NULL, or has a negative number of elements.");
    }
    for (int32_t i = 0; i < p.n_l2; ++i) {
        if (!(p.l2[i] > 0.0f && p.l2[i] < 1e6f)) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT, "a strength in l2 is no positive number.");
        }
    }
    require(p.seed >= 0 && p.seed <= UINT32_MAX, "seed", p.seed, "in [0, 2^32)");
    require(p.limit >= 0, "limit", p.limit, "0 (all) or more");
    require(p.train_limit >= 0, "train_limit", p.train_limit, "0 (all) or more");
    require(p.gaps == MAGNET_EVAL_GAPS_SENTENCES || p.gaps == MAGNET_EVAL_GAPS_SPANS, "gaps", p.gaps,
            "one of enum magnet_eval_gaps");
    require(p.n_gaps >= 1 && p.n_gaps <= 64, "n_gaps", p.n_gaps, "1 to 64");
    require(p.room >= 0 && p.room <= 65536, "room", p.room, "0 (exact gaps) to 65536");
    require(p.room == 0 || p.n_gaps == 1, "n_gaps", p.n_gaps, "1 where gaps are open");
    require(p.span_min >= 1, "span_min", p.span_min, "1 or more");
    require(p.span_max >= p.span_min && p.span_max <= 65536, "span_max", p.span_max, "span_min to 65536");
    require(p.window >= 2, "window", p.window, "2 or more");
    require(p.prefix_words >= 1, "prefix_words", p.prefix_words, "1 or more");
    require(p.max_tokens >= 1, "max_tokens", p.max_tokens, "1 or more");
    require(p.word >= MAGNET_EVAL_WORD_MEAN && p.word <= MAGNET_EVAL_WORD_PREVIOUS, "word", p.word,
            "one of enum magnet_eval_word");
}

} // namespace

evaluation::evaluation(session & with, const magnet_eval_params & params)
    : with_(with), params_(params),
      done_(params.state ? params.state : "", params.state ? describe(with, params) : nlohmann::json()) {}

void evaluation::check_length(size_t n_tokens, const std::string & path, int64_t line) const {
    if ((int64_t)n_tokens > with_.n_ctx()) {
        throw error(MAGNET_STATUS_TOO_LONG, path + ":" + std::to_string(line) + ": " + std::to_string(n_tokens) +
                                                " tokens; this session reads at most " + std::to_string(with_.n_ctx()) +
                                                ". Make one with a larger n_ctx, or shorten the line.");
    }
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
    check_eval_params(params);
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
