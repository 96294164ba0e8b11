// One batch of training as JSON: the form of the golden files (reference/README.md) and of bench/peers/batches.py.
#pragma once

#include "train/batches.h"

#include <nlohmann/json.hpp>

namespace magnet::testing {

using namespace train;

// A text row, or a row to embed.
inline train_row row_of(const nlohmann::json & r) {
    train_row row;
    row.tokens = r["tokens"].get<std::vector<int32_t>>();
    row.pos    = r["positions"].get<std::vector<int32_t>>();
    for (const int role : r["roles"]) {
        row.roles.push_back(int8_t(role));
    }
    const auto labels = [&](const char * name, std::vector<row_label> & out) {
        for (int32_t i = 0; r.contains(name) && i < row.n_tokens(); ++i) {
            if (const int32_t target = r[name][i]; target >= 0) {
                out.push_back({i, target});
            }
        }
    };
    labels("mntp", row.mntp);
    labels("msg", row.msg);
    if (r.contains("sentence")) {
        row.pool_begin = r["sentence"][0];
        row.pool_end   = r["sentence"][1];
    }
    return row;
}

// Text rows, then the pairs; how receives what the pairs are compared by.
inline micro_batch batch_of(const nlohmann::json & b, pair_options & how) {
    micro_batch batch;
    for (const nlohmann::json & r : b["rows"]) {
        batch.rows.push_back(row_of(r));
    }
    batch.n_text = int32_t(batch.rows.size());
    if (b["pairs"].is_null()) {
        return batch;
    }
    const nlohmann::json & pairs = b["pairs"];
    batch.n_pairs      = int32_t(pairs["anchors"].size());
    for (const char * side : {"anchors", "positives", "negatives"}) {
        for (const nlohmann::json & r : pairs[side]) {
            batch.rows.push_back(row_of(r));
        }
    }
    how.pooling     = pairs["pooling"] == "last" ? MAGNET_POOLING_LAST : MAGNET_POOLING_MEAN;
    how.symmetric   = pairs["symmetric"];
    how.temperature = pairs["temperature"];
    return batch;
}

} // namespace magnet::testing
