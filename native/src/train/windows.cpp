#include "windows.h"

#include "base/error.h"

#include <algorithm>

namespace magnet::train {

void cut_document(const text_document & d, int32_t index, int32_t length, int32_t first,
                  std::vector<text_window> & out) {
    const int32_t n = int32_t(d.tokens.size());
    for (int32_t begin = 0, limit = first; begin < n; limit = length) {
        int32_t end = std::min(begin + limit, n);
        if (end < n) {
            const auto after = std::upper_bound(d.sentences.begin(), d.sentences.end(), end);
            if (after != d.sentences.begin() && after[-1] > begin) {
                end = after[-1];
            }
        }
        if (end - begin >= window_min_tokens) {
            out.push_back({index, begin, end});
        }
        begin = end;
    }
}

window_order::window_order(const std::vector<text_document> & documents, int32_t length, uint64_t seed, draw purpose)
    : documents(documents), length(length), seed(seed), purpose(purpose) {
    cut();
}

void window_order::cut() {
    rng r(seed, purpose, uint64_t(now.epoch));
    windows.clear();
    for (size_t i = 0; i < documents.size(); ++i) {
        const bool fits = int64_t(documents[i].tokens.size()) <= length;
        cut_document(documents[i], int32_t(i), length, fits ? length : r.between(1, length), windows);
    }
    if (windows.empty()) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "the text is too short to train on: no document has " +
                                                        std::to_string(window_min_tokens) + " tokens.");
    }
    r.shuffle(windows);
}

text_window window_order::next() {
    if (now.index == int64_t(windows.size())) {
        seek({now.epoch + 1, 0});
    }
    return windows[size_t(now.index++)];
}

void window_order::seek(place where) {
    const bool other = where.epoch != now.epoch;
    now              = where;
    if (other) {
        cut();
    }
    if (now.index > n_windows()) {
        throw error(MAGNET_STATUS_BAD_FILE, "the text has no window " + std::to_string(now.index));
    }
}

} // namespace magnet::train
