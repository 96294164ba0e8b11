// Repetition in open-ended generation: prefixes of paragraphs are continued, and the continuations searched for
// sentences and 4-grams that come again.
#include "repetition.h"

#include "base/lines.h"
#include "base/sentences.h"
#include "evaluation.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace magnet::eval {

double repeated_sentences(const std::string & text) {
    const std::vector<size_t> starts = sentence_starts(text);
    std::set<std::string>     different;
    size_t                    n = 0;
    for (size_t i = 0; i < starts.size(); ++i) {
        const std::string sentence =
            text.substr(starts[i], (i + 1 < starts.size() ? starts[i + 1] : text.size()) - starts[i]);
        const size_t begin = sentence.find_first_not_of(" \t\r\n");
        if (begin != std::string::npos) {
            different.insert(sentence.substr(begin, sentence.find_last_not_of(" \t\r\n") + 1 - begin));
            ++n;
        }
    }
    return n > 0 ? 1.0 - (double)different.size() / (double)n : std::nan("");
}

double repeated_ngrams(const std::vector<int32_t> & tokens, int32_t n) {
    std::set<std::vector<int32_t>> different;
    size_t                         all = 0;
    for (size_t i = 0; i + (size_t)n <= tokens.size(); ++i, ++all) {
        different.emplace(tokens.begin() + (int64_t)i, tokens.begin() + (int64_t)i + n);
    }
    return all > 0 ? 1.0 - (double)different.size() / (double)all : std::nan("");
}

namespace {

// The first n words of a line, words being what stands between white space; "" if it has no more than that.
std::string prefix_of(const std::string & line, int32_t n) {
    size_t end = 0;
    for (int32_t i = 0; i < n; ++i) {
        const size_t begin = line.find_first_not_of(" \t", end);
        end                = begin == std::string::npos ? begin : line.find_first_of(" \t", begin);
        if (end == std::string::npos) {
            return "";
        }
    }
    return line.substr(0, end);
}

std::vector<std::string> read_prefixes(const evaluation & e) {
    const std::string        path = e.params().file;
    std::vector<std::string> prefixes;
    for_each_line(path, [&](std::string & line, int64_t) {
        const std::string prefix = prefix_of(line, e.params().repetition.prefix_words);
        if (!prefix.empty()) {
            prefixes.push_back(prefix);
        }
    });
    if (prefixes.empty()) {
        throw error(MAGNET_STATUS_BAD_FILE, path + " has no paragraph (a line) of more than " +
                                                std::to_string(e.params().repetition.prefix_words) + " words.");
    }
    prefixes.resize(e.limit(prefixes.size()));
    return prefixes;
}

// Mean of what is a number, and of how many.
void add_mean(const evaluation & e, eval_result & out, const std::string & name, const std::vector<double> & values) {
    const auto is_number = [](double value) { return !std::isnan(value); };
    e.add(out, name, (size_t)std::count_if(values.begin(), values.end(), is_number), values.size(),
          ratio(values, std::vector<double>(values.size(), 1.0))); // NaN of none
}

} // namespace

eval_result eval_repetition(evaluation & e) {
    const std::vector<std::string> prefixes = read_prefixes(e);

    // Rep-Sen, Rep-4, tokens
    const auto compute = [&](const std::vector<size_t> & items) {
        evaluation::outcomes out;
        for (const size_t i : items) {
            magnet_generate_params how = magnet_generate_default_params();
            how.sampling               = e.params().repetition.sampling;
            how.sampling.seed          = (int64_t)(uint32_t)(e.params().repetition.seed + (int64_t)i);
            how.max_tokens             = e.params().repetition.max_tokens;
            how.parse_special          = false;
            e.with().reset(); // so that a run that goes on from its state computes what an uninterrupted one does, to the bit
            const result_span span =
                e.with().generate({prefixes[i].data(), (int32_t)prefixes[i].size()}, how).spans.at(0);
            if (span.stop == MAGNET_STOP_CANCELLED) {
                throw error(MAGNET_STATUS_CANCELLED, "the call was cancelled.");
            }
            std::vector<int32_t> tokens;
            for (const result_token & token : span.tokens) {
                tokens.push_back(token.id);
            }
            out.push_back({repeated_sentences(span.text), repeated_ngrams(tokens, 4), (double)tokens.size()});
        }
        return out;
    };
    const auto plausible = [](size_t, const std::vector<double> & o) { return o.size() == 3; }; // NaN: nothing to compare
    const auto outcomes  = e.run({{"prefix", prefixes.size(), 1, compute, plausible}})[0];

    eval_result        out;
    const char * const names[] = {"rep-sen", "rep-4", "tokens"};
    for (size_t k = 0; k < std::size(names); ++k) {
        std::vector<double> values;
        for (const std::vector<double> & outcome : outcomes) {
            values.push_back(outcome[k]);
        }
        add_mean(e, out, names[k], values);
        out.series.push_back({names[k], std::move(values)});
    }
    return out;
}

} // namespace magnet::eval
