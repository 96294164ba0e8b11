// What infill, generate and score return: spans with text and tokens, owned as a whole and handed out through magnet.h.
#pragma once

#include "magnet.h"

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
    double                    stop_logprob = 0.0;
    int32_t                   item         = 0;
    int32_t                   part         = 0;
    int32_t                   stop         = MAGNET_STOP_NONE;

    double logprob() const; // sum over tokens, NaN ones left out
};

struct result {
    std::vector<result_span> spans;
    int32_t                  n_prompt_tokens    = 0;
    int32_t                  n_reused_tokens    = 0;
    int32_t                  n_generated_tokens = 0;
    double                   prompt_seconds     = 0.0;
    double                   generate_seconds   = 0.0;
};

// The caller frees it with free_result.
magnet_result * publish_result(result && r);
void            free_result(magnet_result * r);

} // namespace magnet
