// Where a text ends while it is generated: before a stop string, with its line, sentence or paragraph, or where it begins to
// repeat what stands behind its gap. What may yet turn out to be an end is held back.
#pragma once

#include "magnet.h"

#include <string>
#include <vector>

namespace magnet {

struct end_rules {
    std::vector<std::string> stop;                       // none empty
    int32_t                  until = MAGNET_UNTIL_NONE;
    std::string              right;                      // behind the gap; "" = a repetition is not looked for
};

// Throws INVALID_ARGUMENT for a list that is none, an empty string, and text that is no UTF-8.
std::vector<std::string> checked_stop(const char * const * stop, int32_t n_stop);

class text_end {
public:
    struct found {
        size_t  cut  = std::string::npos; // the text is cut here; npos: it goes on
        int32_t stop = MAGNET_STOP_NONE;  // why

        explicit operator bool() const { return cut != std::string::npos; }
    };

    explicit text_end(end_rules rules);

    // Does text end, which has grown since? from: bytes of it that nobody can take back.
    found look(const std::string & text, size_t from) const;

    // Where text ends that the model has ended, or that has its greatest length.
    found finish(const std::string & text) const;

    // Bytes at the end of text that may be cut yet.
    size_t held_back(const std::string & text) const;

    bool is_stop(const std::string & name) const; // a stop string just so

private:
    found  unit_end(const std::string & text) const;
    size_t repeated(const std::string & text) const;
    size_t repetition_begin(const std::string & text, size_t begin) const;

    const end_rules rules_;
    std::string     right_;   // without the white space in front
    std::string     opening_; // its first characters, as many as can be no accident; "" = it has fewer
};

} // namespace magnet
