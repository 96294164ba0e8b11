// The order in which text is read: every document in windows of at most one row's length, shuffled anew each epoch.
#pragma once

#include "corpus.h"
#include "rng.h"

namespace magnet::train {

// Tokens [begin, end) of a document.
struct text_window {
    int32_t document = 0;
    int32_t begin    = 0;
    int32_t end      = 0;
};

// Shorter pieces say nothing: they are left out.
constexpr int32_t window_min_tokens = 4;

// Appends windows of at most `length` tokens, the first of at most `first`. A window ends where a sentence ends if it
// holds one at all, else it is cut.
void cut_document(const text_document & d, int32_t index, int32_t length, int32_t first,
                  std::vector<text_window> & out);

// Endless. A document longer than a window is cut at other places each epoch.
class window_order {
public:
    // Keeps a reference to documents. Throws INVALID_ARGUMENT if no document has window_min_tokens.
    window_order(const std::vector<text_document> & documents, int32_t length, uint64_t seed, draw purpose);

    text_window next();

    struct place {
        int64_t epoch = 0;
        int64_t index = 0; // windows already given in this epoch
    };
    place at() const { return now; }
    void  seek(place where); // throws BAD_FILE where there is no such window

    int64_t n_windows() const { return int64_t(windows.size()); } // of the current epoch

private:
    void cut();

    const std::vector<text_document> & documents;
    const int32_t                      length;
    const uint64_t                     seed;
    const draw                         purpose;
    place                              now;
    std::vector<text_window>           windows;
};

} // namespace magnet::train
