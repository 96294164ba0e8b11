// Multiple choice: is the right option the likeliest continuation of the query?
#include "base/lines.h"
#include "evaluation.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace magnet::eval {

namespace {

struct question {
    std::string              query;
    std::vector<std::string> options; // all different
    size_t                   gold;
    int64_t                  line;
};

constexpr size_t questions_per_batch = 16;

// Options that are there twice count once: rivals with one and the same text would share the credit.
question read_question(const nlohmann::json & object, const std::string & path, int64_t line) {
    const auto choices = object.find("choices"), gold = object.find("gold");
    if (choices == object.end() || !choices->is_array() || choices->size() < 2) {
        throw bad_line(path, line, "expected a list of 2 or more options under \"choices\".");
    }
    if (gold == object.end() || !gold->is_number_integer() || gold->get<int64_t>() < 0 ||
        gold->get<int64_t>() >= (int64_t)choices->size()) {
        throw bad_line(path, line,
                       "expected the index of the right option, 0 to " + std::to_string(choices->size() - 1) +
                           ", under \"gold\".");
    }
    question q = {json_text(object, "query", true, path, line), {}, 0, line};
    for (size_t i = 0; i < choices->size(); ++i) {
        if (!(*choices)[i].is_string() || is_blank((*choices)[i].get<std::string>())) {
            throw bad_line(path, line, "option " + std::to_string(i) + " is no text, or an empty one.");
        }
        const std::string option = (*choices)[i].get<std::string>();
        const auto        same   = std::find(q.options.begin(), q.options.end(), option);
        if (gold->get<size_t>() == i) {
            q.gold = (size_t)(same - q.options.begin());
        }
        if (same == q.options.end()) {
            q.options.push_back(option);
        }
    }
    return q;
}

std::vector<question> read_questions(evaluation & e) {
    const std::string     path = e.params().file;
    std::vector<question> questions;
    for_each_line(path, [&](std::string & line, int64_t number) {
        if (!is_blank(line) && !e.is_repeated(line)) {
            questions.push_back(read_question(parse_json(line, path, number), path, number));
        }
    });
    if (questions.empty()) {
        throw error(MAGNET_STATUS_BAD_FILE, path + " has no question (a JSON object a line).");
    }
    return questions;
}

// Unicode code points.
double characters_of(const std::string & text) {
    return (double)std::count_if(text.begin(), text.end(), [](char c) { return ((unsigned char)c & 0xc0) != 0x80; });
}

// Of each option its log-probability and number of tokens, one after the other.
std::vector<double> outcome_of(const std::vector<result_span> & spans, size_t first, size_t n) {
    std::vector<double> values;
    for (size_t i = first; i < first + n; ++i) {
        values.push_back(spans[i].logprob());
        values.push_back((double)spans[i].tokens.size());
    }
    return values;
}

// The option with the highest log-probability per unit of length, the first of equals.
template <typename Length>
size_t best_of(const std::vector<double> & outcome, const Length & length) {
    size_t best = 0;
    for (size_t i = 1; 2 * i < outcome.size(); ++i) {
        if (outcome[2 * i] / length(i) > outcome[2 * best] / length(best)) {
            best = i;
        }
    }
    return best;
}

} // namespace

eval_result eval_choice(evaluation & e) {
    std::vector<question> questions = read_questions(e);
    questions.resize(e.limit(questions.size()));
    const std::string prompt = e.params().choice.prompt ? e.params().choice.prompt : "";

    const auto compute = [&](const std::vector<size_t> & items) {
        std::vector<std::vector<token_part>> rows;
        for (const size_t i : items) {
            token_part query, answer;
            query.tokens  = e.base().tokenize(questions[i].query + prompt, false, false);
            answer.is_gap = answer.filled = true;
            for (const std::string & option : questions[i].options) {
                answer.tokens = e.base().tokenize_continuation(" " + option);
                e.check_length(query.tokens.size() + answer.tokens.size(), e.params().file, questions[i].line);
                rows.push_back({query, answer});
            }
        }
        magnet_score_params how = magnet_score_default_params();
        how.context             = MAGNET_CONTEXT_LEFT;

        const std::vector<result_span> spans = e.with().score(rows, how).spans; // one an option
        evaluation::outcomes           out;
        size_t                         first = 0;
        for (const size_t i : items) {
            out.push_back(outcome_of(spans, first, questions[i].options.size()));
            first += questions[i].options.size();
        }
        return out;
    };
    const auto plausible = [&](size_t i, const std::vector<double> & o) {
        return evaluation::are_finite(o, 2 * questions[i].options.size());
    };
    const auto outcomes = e.run({{"question", questions.size(), questions_per_batch, compute, plausible}})[0];

    eval_series by_characters = {"correct.characters", {}}, by_tokens = {"correct.tokens", {}},
                by_sum = {"correct.sum", {}};
    for (size_t i = 0; i < questions.size(); ++i) {
        const question &            q       = questions[i];
        const std::vector<double> & outcome = outcomes[i];
        by_characters.values.push_back(best_of(outcome, [&](size_t o) { return characters_of(q.options[o]); }) ==
                                       q.gold);
        by_tokens.values.push_back(best_of(outcome, [&](size_t o) { return outcome[2 * o + 1]; }) == q.gold);
        by_sum.values.push_back(best_of(outcome, [](size_t) { return 1.0; }) == q.gold);
    }
    eval_result out;
    for (eval_series * series : {&by_characters, &by_tokens, &by_sum}) {
        e.add(out, "accuracy" + series->name.substr(series->name.find('.')), questions.size(), questions.size(),
              ratio(series->values, std::vector<double>(questions.size(), 1.0)));
        out.series.push_back(std::move(*series));
    }
    return out;
}

} // namespace magnet::eval
