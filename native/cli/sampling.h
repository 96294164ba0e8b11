#pragma once

#include <optional>
#include <string>
#include <vector>

#include "magnet.h"

namespace CLI {
class App;
}

namespace magnet_cli {

// The options that say how tokens are chosen, for generate and infill; what is not given keeps the verb's default.
struct sampling_options {
    std::optional<float>     temperature, top_p, min_p, repeat_penalty, frequency_penalty, presence_penalty;
    std::optional<int32_t>   top_k, penalty_last_n;
    std::optional<int64_t>   seed;
    std::optional<std::string> grammar;
    std::string              grammar_file;
    std::optional<std::string> schema; // a file's name or the schema itself; then the schema
    std::vector<std::string> logit_bias; // TOKEN:BIAS

    void add_to(CLI::App & verb, const magnet_sampling_params & defaults);

    // defaults with the options laid over them. Reads the grammar file; what is returned borrows from this.
    magnet_sampling_params apply(magnet_sampling_params defaults);

private:
    std::vector<magnet_logit_bias> biases;
};

// The seed of candidate k of a run that began with first: [0, 2^32), all of them different.
int64_t candidate_seed(int64_t first, int32_t k);

// A seed nobody chose, so that it can be reported and used again.
int64_t new_seed();

} // namespace magnet_cli
