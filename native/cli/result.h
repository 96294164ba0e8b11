#pragma once

#include <exception>
#include <functional>

#include "magnet.h"
#include "output.h"

namespace magnet_cli {

// {"text", "stop", "logprob", "tokens": [{"id", "text", "logprob", "top"}]}; half characters show as U+FFFD.
json to_json(const magnet_span & span, const magnet_model * model);

// {"prompt_tokens", "reused_tokens", "generated_tokens", "prompt_seconds", "generate_seconds"}
json usage_json(const magnet_result & result);

// The bytes of the i-th token in the text of its span.
std::string_view token_text(const magnet_span & span, int32_t i);

// One line a token: its text, its log-probability, and the alternatives if they were asked for.
std::string token_lines(const magnet_span & span, const magnet_model * model);

// Calls of magnet.h that stream: what write(event) throws must not pass through the library, so it stops the call and
// waits here. After the call, rethrow().
class token_stream {
public:
    explicit token_stream(std::function<void(const magnet_token_event &)> write) : write(std::move(write)) {}

    static bool callback(const magnet_token_event * event, void * user_data); // user_data is a token_stream
    void        rethrow() const;

private:
    std::function<void(const magnet_token_event &)> write; // may be empty
    std::exception_ptr                              failed;
};

// Writes text as it comes, without white space at its two ends if trim.
class text_stream {
public:
    text_stream(sink & out, bool trim) : out(out), trim(trim) {}

    void put(std::string_view text);
    void begin_again() { begun = false, held.clear(); }

private:
    sink &      out;
    bool        trim;
    bool        begun = false; // something other than white space was written
    std::string held;          // white space that may turn out to be the end
};

} // namespace magnet_cli
