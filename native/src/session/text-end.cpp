#include "text-end.h"

#include "base/error.h"
#include "base/sentences.h"
#include "base/text.h"

#include <algorithm>

namespace magnet {

namespace {

// Visible characters that the text shares with the right side's beginning: so many can be no accident while it goes on,
// and so many at its end. A whole right side that is shorter counts from least_whole on.
constexpr size_t while_it_goes_on = 16;
constexpr size_t at_the_end       = 8;
constexpr size_t least_whole      = 4;

bool is_white(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

size_t first_visible(const std::string & text, size_t from = 0) {
    while (from < text.size() && is_white(text[from])) {
        ++from;
    }
    return from;
}

size_t count_visible(const std::string & text, size_t n) {
    return (size_t) std::count_if(text.begin(), text.begin() + (long) n, [](char c) { return !is_white(c); });
}

// Where the first line that shows something ends, its line break not counted; npos = it has none.
size_t line_end(const std::string & text) {
    const size_t end = text.find('\n', first_visible(text));
    return end != std::string::npos && end > 0 && text[end - 1] == '\r' ? end - 1 : end;
}

size_t paragraph_end(const std::string & text) {
    for (size_t at = text.find('\n', first_visible(text)); at != std::string::npos; at = text.find('\n', at + 1)) {
        const size_t next = text.find_first_not_of(" \t\r", at + 1);
        if (next != std::string::npos && text[next] == '\n') {
            return at > 0 && text[at - 1] == '\r' ? at - 1 : at;
        }
    }
    return std::string::npos;
}

size_t sentence_end(const std::string & text) {
    const size_t visible = first_visible(text);
    for (const size_t start : sentence_starts(text)) {
        if (start > visible) {
            return start;
        }
    }
    return std::string::npos;
}

} // namespace

std::vector<std::string> checked_stop(const char * const * list, int32_t n_stop) {
    if (n_stop < 0 || (n_stop > 0 && !list)) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "n_stop is " + std::to_string(n_stop) + ", but stop is no such list.");
    }
    std::vector<std::string> stop;
    for (int32_t i = 0; i < n_stop; ++i) {
        const std::string what = "stop string " + std::to_string(i);
        stop.emplace_back(checked_text({ list[i], -1 }, what));
        if (stop.back().empty()) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT, what + " is empty.");
        }
    }
    return stop;
}

text_end::text_end(end_rules rules) : rules_(std::move(rules)), right_(rules_.right.substr(first_visible(rules_.right))) {
    size_t visible = 0;
    for (size_t n = 0; n < right_.size() && opening_.empty(); ++n) {
        visible += !is_white(right_[n]);
        if (visible == while_it_goes_on) {
            opening_ = right_.substr(0, n + 1);
        }
    }
}

text_end::found text_end::look(const std::string & text, size_t from) const {
    found first;
    for (const std::string & stop : rules_.stop) {
        const size_t cut = text.find(stop, from > stop.size() ? from - stop.size() : 0);
        if (cut < first.cut) {
            first = { cut, MAGNET_STOP_STRING };
        }
    }
    if (const found unit = unit_end(text); unit.cut < first.cut) {
        first = unit;
    }
    if (!opening_.empty()) {
        const size_t found = text.find(opening_, from > opening_.size() ? from - opening_.size() : 0);
        const size_t cut   = found == std::string::npos ? found : repetition_begin(text, found);
        if (cut < first.cut) {
            first = { cut, MAGNET_STOP_REPEAT };
        }
    }
    return first;
}

text_end::found text_end::finish(const std::string & text) const {
    const size_t n       = repeated(text);
    const size_t visible = count_visible(right_, n);
    if (n == 0 || (visible < at_the_end && (n < right_.size() || visible < least_whole))) {
        return {};
    }
    return { repetition_begin(text, text.size() - n), MAGNET_STOP_REPEAT };
}

text_end::found text_end::unit_end(const std::string & text) const {
    const size_t cut = rules_.until == MAGNET_UNTIL_LINE        ? line_end(text)
                       : rules_.until == MAGNET_UNTIL_SENTENCE  ? sentence_end(text)
                       : rules_.until == MAGNET_UNTIL_PARAGRAPH ? paragraph_end(text)
                                                                : std::string::npos;
    return cut == std::string::npos ? found() : found{ cut, MAGNET_STOP_UNTIL };
}

size_t text_end::held_back(const std::string & text) const {
    size_t held = 0;
    for (const std::string & stop : rules_.stop) {
        for (size_t n = std::min(stop.size() - 1, text.size()); n > held; --n) {
            if (text.compare(text.size() - n, n, stop, 0, n) == 0) {
                held = n;
                break;
            }
        }
    }
    size_t begin = text.size() - repeated(text);
    if (rules_.until != MAGNET_UNTIL_NONE || !right_.empty()) { // white space before what may be cut
        while (begin > 0 && is_white(text[begin - 1])) {
            --begin;
        }
    }
    return std::max(held, text.size() - begin);
}

bool text_end::is_stop(const std::string & name) const {
    return std::find(rules_.stop.begin(), rules_.stop.end(), name) != rules_.stop.end();
}

// The most bytes at the end of text that the right side begins with.
size_t text_end::repeated(const std::string & text) const {
    for (size_t n = std::min(text.size(), right_.size()); n > 0; --n) {
        if (text.compare(text.size() - n, n, right_, 0, n) == 0) {
            return n;
        }
    }
    return 0;
}

// Where a repetition at begin is cut: with the white space in front of it, if the right side has some too.
size_t text_end::repetition_begin(const std::string & text, size_t begin) const {
    if (right_.size() < rules_.right.size()) {
        while (begin > 0 && is_white(text[begin - 1])) {
            --begin;
        }
    }
    return begin;
}

} // namespace magnet
