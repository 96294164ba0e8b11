// Text and pairs that training never sees, and the loss on them.
#pragma once

#include "batches.h"
#include "objectives.h"

namespace magnet::train {

// Moves windows and pairs of `data`, drawn by the seed, into the corpus that is returned: options.heldout.rows of the
// windows and of each source's pairs, at most a tenth. A document that loses a window falls into two parts.
corpus split_heldout(corpus & data, const train_options & options);

// Mean losses; NaN = there is nothing to compute it on. All lower is better.
struct heldout_losses {
    double mntp;
    double sscl;
    double msg_hybrid; // the same gaps under either mask
    double msg_ordered;
    double causal; // next-token loss: is it still a language model?
    double score;  // what decides which state is best: the last stage's weights on the above
};

// A fixed set of rows: the same at every look, whatever was trained in between.
class heldout {
public:
    heldout(const corpus & data, const train_options & options, const train_vocab & vocab);

    bool           empty() const { return text.empty() && contrasts.empty(); }
    int64_t        n_pairs() const;
    heldout_losses evaluate(engine & e) const;

private:
    struct contrast {
        micro_batch batch;
        float       share = 1;
    };
    void   add_contrast(const std::vector<text_pair> & pairs, const pair_source & source, const train_vocab & vocab);
    double sscl_of(engine & e) const; // mean over the sources by their shares; NaN = none

    const train_options &  options;
    std::vector<train_row> text;
    std::vector<contrast>  contrasts; // of each source
};

} // namespace magnet::train
