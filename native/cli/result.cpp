#include "result.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "interrupt.h"
#include "model.h"
#include "names.h"
#include "terminal.h"

namespace magnet_cli {

std::string_view token_text(const magnet_span & span, int32_t i) {
    const auto clip  = [&](int32_t offset) { return static_cast<size_t>(std::clamp(offset, 0, span.text_size)); };
    const auto begin = clip(span.tokens[i].text_offset);
    const auto end   = i + 1 < span.n_tokens ? clip(span.tokens[i + 1].text_offset) : clip(span.text_size);
    return {span.text + begin, std::max(end, begin) - begin};
}

json to_json(const magnet_span & span, const magnet_model * model) {
    json tokens = json::array();
    for (int32_t i = 0; i < span.n_tokens; ++i) {
        const magnet_token & token = span.tokens[i];
        json                 one{{"id", token.id}, {"text", token_text(span, i)}, {"logprob", to_json(token.logprob)}};
        for (int32_t k = 0; k < token.n_top; ++k) {
            one["top"].push_back({{"id", token.top[k].token},
                                  {"text", token_bytes(model, token.top[k].token)},
                                  {"logprob", to_json(token.top[k].logprob)}});
        }
        tokens.push_back(std::move(one));
    }
    return {{"text", std::string_view(span.text, static_cast<size_t>(span.text_size))},
            {"stop", name_of(stop_names(), span.stop)},
            {"logprob", span.logprob},
            {"stop_logprob", span.stop_logprob},
            {"tokens", std::move(tokens)}};
}

json usage_json(const magnet_result & result) {
    return {{"prompt_tokens", result.n_prompt_tokens},
            {"reused_tokens", result.n_reused_tokens},
            {"generated_tokens", result.n_generated_tokens},
            {"prompt_seconds", result.prompt_seconds},
            {"generate_seconds", result.generate_seconds}};
}

static std::string fixed(double value, int columns) {
    char buffer[40];
    std::snprintf(buffer, sizeof buffer, "%*.3f", columns, value);
    return std::isnan(value) ? pad("-", columns, true) : buffer;
}

std::string token_lines(const magnet_span & span, const magnet_model * model) {
    std::string lines;
    for (int32_t i = 0; i < span.n_tokens; ++i) {
        const magnet_token & token = span.tokens[i];
        std::string          line  = fixed(token.logprob, 9) + "  " + pad(quote(token_text(span, i)), 16);
        for (int32_t k = 0; k < token.n_top; ++k) {
            line += "  " + fixed(token.top[k].logprob, 0) + " " + quote(token_bytes(model, token.top[k].token));
        }
        lines += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return lines;
}

bool token_stream::callback(const magnet_token_event * event, void * user_data) {
    auto & self = *static_cast<token_stream *>(user_data);
    try {
        if (self.write) {
            self.write(*event);
        }
        return !interrupted();
    } catch (...) {
        self.failed = std::current_exception();
        return false;
    }
}

void token_stream::rethrow() const {
    if (failed) {
        std::rethrow_exception(failed);
    }
}

void text_stream::put(std::string_view text) {
    if (!trim) {
        out.write(text);
        out.flush();
        return;
    }
    const char * const white = " \t\r\n";
    if (!begun) {
        text.remove_prefix(std::min(text.find_first_not_of(white), text.size()));
        begun = !text.empty();
    }
    const size_t end = text.find_last_not_of(white);
    if (end == std::string_view::npos) {
        held += text;
        return;
    }
    out.write(held);
    out.write(text.substr(0, end + 1));
    out.flush();
    held = text.substr(end + 1);
}

} // namespace magnet_cli
