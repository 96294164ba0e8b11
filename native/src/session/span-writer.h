// A span while it is generated: tokens become text, its end is looked for, the caller's callback is told. Text that may be
// cut yet is held back.
#pragma once

#include "base/utf8.h"
#include "model/model.h"
#include "result.h"
#include "sampler.h"
#include "text-end.h"

#include <string>
#include <vector>

namespace magnet {

struct span_writer_options {
    int32_t                  part  = 0;
    int32_t                  n_top = 0;
    end_rules                ends;
    magnet_token_callback    on_token           = nullptr;
    void *                   on_token_user_data = nullptr;
    bool                     spaced             = false; // its first space is the template's: gap::spaced
};

class span_writer {
public:
    span_writer(const model & m, const span_writer_options & options) : model_(m), options_(options), ends_(options.ends) {
        span_.part = options.part;
    }

    // Adds a token; returns false if the span ends with it (text_end, or the callback's wish).
    bool push(int32_t token, const log_softmax & logprobs);

    // Ends the span. No effect on why, if push() already ended it.
    result_span finish(int32_t stop);

    int32_t n_tokens() const { return (int32_t) span_.tokens.size(); }
    void    set_stop_logprob(float logprob) { span_.stop_logprob = logprob; }

private:
    void   end(int32_t stop);
    bool   is_stop_token(int32_t token) const;
    bool   report(int32_t index, int32_t token, float logprob, size_t safe_end);
    bool   cut(const text_end::found & end);

    const model &             model_;
    const span_writer_options options_;
    const text_end            ends_;
    utf8_stream               utf8_;
    result_span               span_;
    size_t                    reported_ = 0; // bytes of the text that the callback has seen
};

} // namespace magnet
