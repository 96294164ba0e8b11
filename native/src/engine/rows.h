// What every engine asks of rows and tokens before it reads them: out of range, they would be read beside an array.
#pragma once

#include "base/error.h"
#include "engine.h"
#include "magnet-mask.h"

#include <limits>
#include <string>
#include <vector>

namespace magnet {

// Both throw magnet::error (INVALID_ARGUMENT).
inline void check_token(int32_t token, int32_t n_vocab, const std::string & what) {
    if (token < 0 || token >= n_vocab) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, what + " is token " + std::to_string(token) +
                                                        "; this model has tokens 0 to " + std::to_string(n_vocab - 1) +
                                                        ".");
    }
}

// n_positions: that the model can tell apart; positions lie below it.
inline void check_rows(const std::vector<engine_row> & rows, int32_t n_vocab,
                       int32_t n_positions = std::numeric_limits<int32_t>::max()) {
    for (size_t r = 0; r < rows.size(); ++r) {
        const engine_row & row  = rows[r];
        const std::string  name = "row " + std::to_string(r);
        const auto         fail = [&](const std::string & what) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT, name + what);
        };
        if (row.n_tokens < 1 || !row.tokens) {
            fail(" is empty.");
        }
        for (int32_t t = 0; t < row.n_tokens; ++t) {
            check_token(row.tokens[t], n_vocab, name + ", position " + std::to_string(t));
            const int32_t pos  = row.pos ? row.pos[t] : t;
            const int8_t  role = row.roles ? row.roles[t] : int8_t(MAGNET_MASK_SPAN);
            if (pos < 0 || pos >= n_positions) {
                fail(" has position " + std::to_string(pos) + "; this model has positions 0 to " +
                     std::to_string(n_positions - 1) + ".");
            }
            if (role != MAGNET_MASK_SPAN && role != MAGNET_MASK_CONTEXT && role != MAGNET_MASK_ORDERED) {
                fail(" has role " + std::to_string(role) + ".");
            }
        }
    }
}

} // namespace magnet
