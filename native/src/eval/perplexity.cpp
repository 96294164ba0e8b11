// Causal perplexity of a text, in windows that do not overlap: is it still a language model?
#include "base/atomic-file.h"
#include "base/error.h"
#include "base/text.h"
#include "evaluation.h"

#include <cmath>

namespace magnet::eval {

namespace {

constexpr size_t windows_per_batch = 16;

} // namespace

eval_result eval_perplexity(evaluation & e) {
    const std::string          path   = e.params().file;
    const std::string          text   = read_file(path);
    const std::vector<int32_t> tokens = e.base().tokenize(
        checked_text({text.data(), (int32_t)text.size()}, path), false, false);
    const int32_t size = e.params().perplexity.window;
    const size_t  n    = e.limit(tokens.size() / (size_t)size);
    if (n == 0) {
        throw error(MAGNET_STATUS_BAD_FILE, path + " has " + std::to_string(tokens.size()) +
                                                " tokens, less than one window of " + std::to_string(size) + ".");
    }
    e.check_window("perplexity.window", size, size);

    const auto compute = [&](const std::vector<size_t> & items) {
        std::vector<std::vector<token_part>> rows;
        for (const size_t i : items) {
            const auto begin = tokens.begin() + (int64_t)i * size;
            token_part first, rest;
            first.tokens = {*begin};
            rest.is_gap = rest.filled = true;
            rest.tokens.assign(begin + 1, begin + size);
            rows.push_back({first, rest});
        }
        magnet_score_params how = magnet_score_default_params();
        how.context             = MAGNET_CONTEXT_LEFT;

        std::vector<std::vector<double>> logprobs;
        for (const result_span & span : e.with().score(rows, how).spans) {
            logprobs.push_back({span.logprob()});
        }
        return logprobs;
    };
    const auto plausible = [](size_t, const std::vector<double> & logprob) { return evaluation::are_finite(logprob, 1); };
    const auto values    = e.run({{"window", n, windows_per_batch, compute, plausible}});

    eval_result         out;
    std::vector<double> windows;
    for (const std::vector<double> & window : values[0]) {
        windows.push_back(window[0]);
    }
    e.add(out, "perplexity", n * (size_t)(size - 1), n,
          ratio(windows, std::vector<double>(n, (double)(size - 1)), [](double mean) { return std::exp(-mean); }));
    out.series.push_back({"logprob", std::move(windows)});
    return out;
}

} // namespace magnet::eval
