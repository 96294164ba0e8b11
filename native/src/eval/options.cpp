#include "options.h"

#include "base/error.h"
#include "base/file-identity.h"

#include <nlohmann/json.hpp>

#include <type_traits>

namespace magnet::eval {

namespace {

// What a field is to the state of an evaluation: do finished items depend on it, or does it choose among them?
enum class field_use { makes, chooses };

// Calls use for every field of the sampling parameters.
template <typename F>
void for_each_field(const magnet_sampling_params & p, const std::string & prefix, F & use) {
    use.number(prefix + "temperature", p.temperature, 0, 1e6);
    use.number(prefix + "top_p", p.top_p, 0, 1);
    use.number(prefix + "min_p", p.min_p, 0, 1);
    use.number(prefix + "repeat_penalty", p.repeat_penalty, 0, 1e6);
    use.number(prefix + "frequency_penalty", p.frequency_penalty, -1e6, 1e6);
    use.number(prefix + "presence_penalty", p.presence_penalty, -1e6, 1e6);
    use.number(prefix + "top_k", p.top_k, 0, INT32_MAX);
    use.number(prefix + "penalty_last_n", p.penalty_last_n, -1, INT32_MAX);
    use.text(prefix + "grammar", p.grammar);
    use.text(prefix + "grammar_root", p.grammar_root);
    use.list(prefix + "logit_bias", p.logit_bias, p.n_logit_bias, 0, 0);
}

// Calls use for every field that the protocol reads. Ranges are closed.
template <typename F>
void for_each_field(const magnet_eval_params & p, F & use) {
    const auto poolings = [&](const char * name, const int32_t * values, int32_t n) {
        use.list(name, values, n, MAGNET_POOLING_DEFAULT, MAGNET_POOLING_WEIGHTED_MEAN);
    };
    const auto attentions = [&](const char * name, const int32_t * values, int32_t n) {
        use.list(name, values, n, MAGNET_ATTENTION_DEFAULT, MAGNET_ATTENTION_CAUSAL);
    };
    use.file("file", p.file);
    use.number("resamples", p.resamples, 0, 1000000, field_use::chooses);
    use.number("unique", p.unique, 0, 1);
    use.number("limit", p.limit, 0, INT32_MAX, p.protocol == MAGNET_EVAL_PROBE ? field_use::makes : field_use::chooses);
    switch (p.protocol) {
        case MAGNET_EVAL_STS:
            use.text("sts.instruction", p.sts.instruction);
            poolings("sts.poolings", p.sts.poolings, p.sts.n_poolings);
            attentions("sts.attentions", p.sts.attentions, p.sts.n_attentions);
            break;
        case MAGNET_EVAL_INFILL:
            use.list("infill.contexts", p.infill.contexts, p.infill.n_contexts, MAGNET_CONTEXT_DEFAULT,
                     MAGNET_CONTEXT_FIM, field_use::chooses);
            use.number("infill.gaps", p.infill.gaps, MAGNET_EVAL_GAPS_SENTENCES, MAGNET_EVAL_GAPS_GIVEN);
            use.number("infill.max_tokens", p.infill.max_tokens, 0, 65536);
            use.number("infill.until", p.infill.until, MAGNET_UNTIL_NONE, MAGNET_UNTIL_PARAGRAPH);
            use.number("infill.n_gaps", p.infill.n_gaps, 1, 64);
            use.number("infill.room", p.infill.room, 0, 65536);
            use.number("infill.span_min", p.infill.span_min, 1, 65536);
            use.number("infill.span_max", p.infill.span_max, 1, 65536);
            use.number("infill.window", p.infill.window, 2, INT32_MAX);
            use.number("infill.seed", p.infill.seed, 0, UINT32_MAX);
            break;
        case MAGNET_EVAL_PERPLEXITY:
            use.number("perplexity.window", p.perplexity.window, 2, INT32_MAX);
            break;
        case MAGNET_EVAL_REPETITION:
            for_each_field(p.repetition.sampling, "repetition.sampling.", use);
            use.number("repetition.seed", p.repetition.seed, 0, UINT32_MAX);
            use.number("repetition.prefix_words", p.repetition.prefix_words, 1, INT32_MAX);
            use.number("repetition.max_tokens", p.repetition.max_tokens, 1, INT32_MAX);
            break;
        case MAGNET_EVAL_PROBE:
            use.file("probe.train_file", p.probe.train_file);
            use.text("probe.instruction", p.probe.instruction);
            attentions("probe.attentions", p.probe.attentions, p.probe.n_attentions);
            use.list("probe.tasks", p.probe.tasks, p.probe.n_tasks, MAGNET_EVAL_TASK_POS, MAGNET_EVAL_TASK_NER,
                     field_use::chooses);
            use.list("probe.l2", p.probe.l2, p.probe.n_l2, 1e-30, 1e6);
            use.number("probe.train_limit", p.probe.train_limit, 0, INT32_MAX);
            use.number("probe.word", p.probe.word, MAGNET_EVAL_WORD_MEAN, MAGNET_EVAL_WORD_PREVIOUS);
            break;
        case MAGNET_EVAL_CHOICE:
            use.text("choice.prompt", p.choice.prompt);
            break;
        default:
            use.file("retrieval.documents", p.retrieval.documents);
            use.file("retrieval.relevance", p.retrieval.relevance, field_use::chooses);
            use.text("retrieval.instruction", p.retrieval.instruction);
            use.text("retrieval.document_instruction", p.retrieval.document_instruction);
            poolings("retrieval.poolings", p.retrieval.poolings, p.retrieval.n_poolings);
            attentions("retrieval.attentions", p.retrieval.attentions, p.retrieval.n_attentions);
            use.number("retrieval.fusion", p.retrieval.fusion, 0, 1, field_use::chooses);
            use.list("retrieval.cutoffs", p.retrieval.cutoffs, p.retrieval.n_cutoffs, 1, INT32_MAX, field_use::chooses);
    }
}

struct checker {
    template <typename T>
    void number(const std::string & name, T value, double least, double most, field_use = field_use::makes) const {
        require_between(name, value, least, most);
    }

    template <typename T>
    void list(const std::string & name, const T * values, int32_t n, double least, double most,
              field_use = field_use::makes) const {
        if (n < 0 || (n > 0 && !values)) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT, name + " is NULL, or has a negative number of elements.");
        }
        if constexpr (std::is_arithmetic_v<T>) {
            for (int32_t i = 0; i < n; ++i) {
                number(name + "[" + std::to_string(i) + "]", values[i], least, most);
            }
        }
    }

    void text(const std::string &, const char *) const {}

    void file(const std::string & name, const char * path, field_use = field_use::makes) const {
        if (!path || !*path) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT, name + " is NULL; this protocol needs that file.");
        }
    }
};

struct describer {
    nlohmann::json out = nlohmann::json::object();

    template <typename T>
    void number(const std::string & name, T value, double, double, field_use use = field_use::makes) {
        if (use == field_use::makes) {
            out[name] = value;
        }
    }

    template <typename T>
    void list(const std::string & name, const T * values, int32_t n, double, double, field_use use = field_use::makes) {
        if (use == field_use::makes) {
            nlohmann::json & items = out[name] = nlohmann::json::array();
            for (int32_t i = 0; i < n; ++i) {
                if constexpr (std::is_arithmetic_v<T>) {
                    items.push_back(values[i]);
                } else {
                    items.push_back({values[i].token, values[i].bias});
                }
            }
        }
    }

    void text(const std::string & name, const char * value) {
        out[name] = value ? nlohmann::json(value) : nlohmann::json();
    }

    void file(const std::string & name, const char * path, field_use use = field_use::makes) {
        if (use == field_use::makes) {
            out[name] = file_identity(path).digest();
        }
    }
};

constexpr const char * protocol_names[] = {"sts", "infill", "perplexity", "repetition", "probe", "choice", "retrieval"};

} // namespace

const char * protocol_name(int32_t protocol) {
    return protocol_names[protocol];
}

void check_options(const magnet_eval_params & p) {
    if (p.protocol < MAGNET_EVAL_STS || p.protocol > MAGNET_EVAL_RETRIEVAL) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                    "protocol is " + std::to_string(p.protocol) + "; it must be one of enum magnet_eval_protocol.");
    }
    checker check;
    for_each_field(p, check);
    if (p.unique && (p.protocol == MAGNET_EVAL_PERPLEXITY || p.protocol == MAGNET_EVAL_REPETITION || p.protocol == MAGNET_EVAL_PROBE)) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, std::string("unique is true; the protocol ") + protocol_name(p.protocol) +
                                                        " reads running text, in which what stands twice is part of it.");
    }
    if (p.protocol == MAGNET_EVAL_INFILL) {
        require(p.infill.span_max >= p.infill.span_min, "infill.span_max", p.infill.span_max,
                "infill.span_min or more, which is " + std::to_string(p.infill.span_min));
        const bool given = p.infill.gaps == MAGNET_EVAL_GAPS_GIVEN;
        require(p.infill.max_tokens == 0 || given, "infill.max_tokens", p.infill.max_tokens,
                "0 unless infill.gaps is GIVEN: only such gaps are filled");
        require(p.infill.n_gaps == 1 || !given, "infill.n_gaps", p.infill.n_gaps, "1 where infill.gaps is GIVEN");
        require(p.infill.room == 0 || p.infill.n_gaps == 1, "infill.n_gaps", p.infill.n_gaps, "1 beside infill.room");
    }
}

nlohmann::json describe_options(const magnet_eval_params & p) {
    describer d;
    for_each_field(p, d);
    d.out["protocol"] = protocol_name(p.protocol);
    return d.out;
}

} // namespace magnet::eval
