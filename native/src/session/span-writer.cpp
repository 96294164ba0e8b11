#include "span-writer.h"

#include "layout.h"

#include <algorithm>

namespace magnet {

bool span_writer::push(int32_t token, const log_softmax & logprobs) {
    if (is_stop_token(token)) {
        end(MAGNET_STOP_STRING);
        return false;
    }
    const float   logprob = logprobs(token);
    const int32_t index   = n_tokens();
    span_.tokens.push_back({ token, logprob, (int32_t) span_.text.size(), {} });
    if (options_.n_top > 0) {
        span_.tokens.back().top = logprobs.top(options_.n_top);
    }
    utf8_.push(own_bytes(options_.spaced, index, model_.token_bytes(token, false)), span_.text);

    const bool stopped = cut(ends_.look(span_.text, reported_));
    if (n_tokens() > index || reported_ < span_.text.size()) { // else all of it was cut off
        const size_t safe_end = stopped ? span_.text.size() : span_.text.size() - ends_.held_back(span_.text);
        if (!report(index, token, logprob, safe_end)) {
            span_.stop = MAGNET_STOP_CANCELLED;
        }
    }
    return span_.stop == MAGNET_STOP_NONE;
}

void span_writer::end(int32_t stop) {
    if (span_.stop == MAGNET_STOP_NONE) {
        span_.stop = stop;
        utf8_.finish(span_.text);
        if (stop != MAGNET_STOP_CANCELLED) {
            cut(ends_.finish(span_.text));
        }
        if (reported_ < span_.text.size() && !span_.tokens.empty()) {
            const result_token & last = span_.tokens.back();
            report(n_tokens() - 1, last.id, last.logprob, span_.text.size());
        }
    }
}

result_span span_writer::finish(int32_t stop) {
    end(stop);
    return std::move(span_);
}

// A control token has no text of its own; a stop string can name it all the same.
bool span_writer::is_stop_token(int32_t token) const {
    return !options_.ends.stop.empty() && model_.is_control(token) && ends_.is_stop(model_.token_bytes(token, true));
}

bool span_writer::report(int32_t index, int32_t token, float logprob, size_t safe_end) {
    if (!options_.on_token) {
        return true;
    }
    const size_t      begin = std::min(reported_, safe_end);
    const std::string piece = span_.text.substr(begin, safe_end - begin);
    reported_               = safe_end;

    const magnet_token_event event = { piece.c_str(), (int32_t) piece.size(), span_.part, index, token, logprob };
    return options_.on_token(&event, options_.on_token_user_data);
}

// The text ends there, and so do the tokens.
bool span_writer::cut(const text_end::found & end) {
    if (!end) {
        return false;
    }
    span_.text.resize(end.cut);
    const auto begins_behind = [&](const result_token & t) { return (size_t) t.text_offset >= end.cut; };
    span_.tokens.erase(std::find_if(span_.tokens.begin(), span_.tokens.end(), begins_behind), span_.tokens.end());
    span_.stop = end.stop;
    return true;
}

} // namespace magnet
