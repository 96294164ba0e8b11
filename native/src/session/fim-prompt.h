// The prompt that a vocabulary's FIM tokens make of a template and one of its gaps.
#pragma once

#include "model/model.h"
#include "model/placement.h"

#include <vector>

namespace magnet {

class fim_prompter {
public:
    // Throws UNSUPPORTED for a vocabulary without the tokens, naming what is missing, and INVALID_ARGUMENT for texts that
    // are no UTF-8.
    fim_prompter(const model & m, const magnet_fim_params & files);

    // All that stands before the middle of parts[gap]: SPAN slots in ascending positions. Gaps before it are text if they
    // are filled; gaps behind it are left out, and the texts around them follow each other.
    std::vector<slot> prompt(const std::vector<token_part> & parts, int32_t gap) const;

    // The prompt and the gap behind it: its own tokens if it is filled, else empty places. Throws as place_parts does.
    layout row(const std::vector<token_part> & parts, int32_t gap, const placement_options & options) const;

    // Throws TOO_LONG, which names the files where there are some: they may be what takes the room.
    void check_fits(int64_t n_positions, const placement_options & options) const;

private:
    void put_files(const magnet_fim_params & files);
    void put_token(int32_t token);
    void put_text(const char * text, const std::string & what);

    const model &        model_;
    const fim_format &   format_;
    const int32_t        n_files_;
    std::vector<int32_t> head_;         // before the first FIM token
    std::vector<int32_t> path_in_text_; // StarCoder2: the path stands in the prefix itself
};

// Throws INVALID_ARGUMENT if files are given: only FIM reads them.
void check_no_fim_files(const magnet_fim_params & files);

} // namespace magnet
