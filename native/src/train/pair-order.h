// The order in which pairs are read: which source a contrastive batch is of, and every source's pairs, shuffled anew each
// epoch. One batch, one source: what tells pairs of different files apart, their form, teaches nothing.
#pragma once

#include "corpus.h"
#include "windows.h"

#include <cstdint>
#include <vector>

namespace magnet::train {

// A place in an endless reading of items, shuffled anew each epoch.
using order_place = window_order::place;

class pair_order {
public:
    // Keeps a reference. There may be no pairs, but no source without.
    pair_order(const corpus & data, uint64_t seed);

    int32_t n_sources() const { return int32_t(sources.size()); }
    int64_t n_pairs(int32_t source) const { return int64_t(sources[source].pairs.size()); }

    // Of the i-th batch. The additive recurrence (golden ratio) keeps the shares in every short run of batches.
    int32_t source_of_batch(int64_t i) const;

    int32_t next(int32_t source); // index of a pair

    std::vector<order_place> at() const; // of each source
    void                     seek(const std::vector<order_place> & to); // {} = the start; throws BAD_FILE where no pair is

private:
    struct source_order {
        std::vector<int32_t> pairs; // of the corpus, in the order of the current epoch
        order_place          now;
    };
    void shuffle(int32_t source, int64_t epoch);

    const corpus &            data;
    const uint64_t            seed;
    std::vector<source_order> sources;
};

// u in [0, 1), the i-th of a sequence that is spread evenly however short it is.
double spread(int64_t i);

} // namespace magnet::train
