#include "sampling.h"

#include <charconv>
#include <limits>
#include <random>

#include "error.h"
#include "input.h"
#include "options.h"

namespace magnet_cli {

void sampling_options::add_to(CLI::App & verb, const magnet_sampling_params & defaults) {
    const auto   most = std::numeric_limits<int32_t>::max();
    option_group group(verb, "Sampling");
    const auto   add = [&](const char * flag, auto & target, const char * type, const char * help, auto value,
                         const std::optional<CLI::Validator> & range = {}) {
        group.value(flag, target, type, with_default(help, value), range);
    };
    add("--temperature", temperature, "X", "0 = always the likeliest token", defaults.temperature,
        number([](double x) { return x >= 0 && x <= 100; }, "in [0, 100]"));
    add("--top-k", top_k, "K", "choose among the K likeliest, 0 = off", defaults.top_k, between(0, most));
    add("--top-p", top_p, "P", "choose among those that make up P, 1 = off", defaults.top_p,
        number([](double x) { return x > 0 && x <= 1; }, "in (0, 1]"));
    add("--min-p", min_p, "P", "leave out those below P times the likeliest, 0 = off", defaults.min_p,
        number([](double x) { return x >= 0 && x < 1; }, "in [0, 1)"));
    add("--repeat-penalty", repeat_penalty, "X", "divide the logits of repeated tokens, 1 = off", defaults.repeat_penalty,
        number([](double x) { return x > 0 && x <= 3.4e38; }, "above 0 (and at most 3.4e38)"));
    add("--frequency-penalty", frequency_penalty, "X", "subtract for each repetition, 0 = off", defaults.frequency_penalty);
    add("--presence-penalty", presence_penalty, "X", "subtract once if repeated, 0 = off", defaults.presence_penalty);
    add("--penalty-last-n", penalty_last_n, "N", "tokens the penalties look back, -1 = all, 0 = off", defaults.penalty_last_n,
        between(-1, most));
    group.value("--seed", seed, "N", "same seed, same text (default: a new one each run)", between(0, 0xFFFFFFFF));
    auto * text = group.value("--grammar", grammar, "GBNF", "only text that this grammar allows");
    auto * file = group.value("--grammar-file", grammar_file, "FILE", "the same, from a file")->excludes(text);
    group.value("--schema", schema, "FILE", "only JSON that is valid by this JSON schema; {...} = the schema itself")
        ->excludes(text)
        ->excludes(file);
    group.list("--logit-bias", logit_bias, "ID:BIAS",
               "add BIAS to the logit of token ID, -inf = never; may be repeated");
}

static magnet_logit_bias parse_bias(const std::string & text) {
    magnet_logit_bias  bias{};
    const char * const end   = text.data() + text.size();
    const auto         token = std::from_chars(text.data(), end, bias.token);
    if (token.ec == std::errc() && token.ptr != end && *token.ptr == ':') {
        const std::string value(token.ptr + 1, end);
        if (value == "-inf" || value == "-infinity") {
            bias.bias = -std::numeric_limits<float>::infinity();
            return bias;
        }
        if (parse_float(value, bias.bias)) {
            return bias;
        }
    }
    throw usage_error("--logit-bias " + text + ": expected a token id and a number, such as 42:-inf or 42:1.5");
}

magnet_sampling_params sampling_options::apply(magnet_sampling_params params) {
    const auto set = [](auto & target, const auto & option) { target = option.value_or(target); };
    set(params.temperature, temperature);
    set(params.top_k, top_k);
    set(params.top_p, top_p);
    set(params.min_p, min_p);
    set(params.repeat_penalty, repeat_penalty);
    set(params.frequency_penalty, frequency_penalty);
    set(params.presence_penalty, presence_penalty);
    set(params.penalty_last_n, penalty_last_n);
    set(params.seed, seed);
    if (!grammar_file.empty()) {
        grammar = read_content(grammar_file, "a grammar");
    }
    if (grammar) {
        if (grammar->empty()) {
            throw usage_error("--grammar: a grammar cannot be empty");
        }
        params.grammar = grammar->c_str();
    }
    if (schema) {
        if (schema->empty()) {
            throw usage_error("--schema: a schema cannot be empty");
        }
        if (schema->front() != '{') {
            schema = read_content(*schema, "a schema");
        }
        params.schema = schema->c_str();
    }
    biases.clear();
    for (const std::string & text : logit_bias) {
        biases.push_back(parse_bias(text));
    }
    params.logit_bias   = biases.data();
    params.n_logit_bias = static_cast<int32_t>(biases.size());
    return params;
}

int64_t candidate_seed(int64_t first, int32_t k) {
    return (first + k) & 0xFFFFFFFF;
}

int64_t new_seed() {
    return std::random_device()();
}

} // namespace magnet_cli
