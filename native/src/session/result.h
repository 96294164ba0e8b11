// What infill, generate and score return: spans with text and tokens, owned as a whole and handed out through magnet.h.
#pragma once

#include "magnet.h"

#include <cmath>
#include <memory>
#include <string>
#include <vector>

namespace magnet {

struct result_token {
    int32_t                       id;
    float                         logprob;
    int32_t                       text_offset;
    std::vector<magnet_candidate> top;
};

struct result_span {
    std::string               text;
    std::vector<result_token> tokens;
    std::vector<int32_t>      kept; // tokens of the text as it was cut: what later gaps see (infill)
    double                    stop_logprob = 0.0;
    int32_t                   item         = 0;
    int32_t                   part         = 0;
    int32_t                   stop         = MAGNET_STOP_NONE;

    double logprob() const; // sum over tokens, NaN ones left out
};

// One way to fill all gaps.
struct result_filling {
    std::vector<result_span> spans;
    int64_t                  seed           = 0;
    int32_t                  count          = 1; // candidates that came to this text
    double                   score          = NAN;
    double                   gap_logprob    = 0.0;
    double                   right_logprob  = 0.0;
    int32_t                  n_gap_tokens   = 0;
    int32_t                  n_right_tokens = 0;
};

struct result {
    std::vector<result_span>    spans;
    std::vector<result_filling> fillings; // infill; spans is empty then
    int32_t                  n_prompt_tokens    = 0;
    int32_t                  n_reused_tokens    = 0;
    int32_t                  n_generated_tokens = 0;
    double                   prompt_seconds     = 0.0;
    double                   generate_seconds   = 0.0;
};

// One of several texts from one context.
struct seeded_result {
    int64_t seed;
    int32_t index;
    result  made;
};

// The caller frees it with free_result.
magnet_result * publish_result(result && r);
void            free_result(magnet_result * r);

} // namespace magnet
