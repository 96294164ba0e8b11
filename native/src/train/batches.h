// What one training step reads: text rows and rows to embed, in an order that depends on the seed alone.
#pragma once

#include "pair-order.h"
#include "rows.h"

#include <memory>

namespace magnet::train {

// Rows of one pass. Text rows come first, then P anchors, P positives and the hard negatives.
struct micro_batch {
    std::vector<train_row> rows;
    int32_t                n_text  = 0;
    int32_t                n_pairs = 0;
    std::vector<uint64_t>  texts; // of the rows to embed: equal = the same text

    int64_t n_tokens() const;
};

// Everything that tells what next() will give.
struct batch_places {
    order_place              text, crops;
    std::vector<order_place> pairs;         // of each source
    int64_t                  n_rows    = 0; // text rows given so far
    int64_t                  n_pairs   = 0; // pairs given so far
    int64_t                  n_batches = 0; // of pairs
};

// What stands before texts to embed, as tokens.
struct instructions {
    std::vector<int32_t> query; // and before every text of pairs without documents
    std::vector<int32_t> document;

    instructions(const pair_options & options, const train_vocab & vocab)
        : query(vocab.tokenize(options.instruction, true)), document(vocab.tokenize(options.document_instruction, true)) {}
};

class batch_source {
public:
    // Keeps references. Throws INVALID_ARGUMENT on a corpus that cannot serve the options (empty, a single pair, pairs that
    // are no negatives to each other).
    batch_source(const corpus & data, const train_options & options, const train_vocab & vocab);

    // Text rows where the stage weighs MNTP or MSG and there is text; pairs where it weighs SSCL.
    micro_batch next(const train_stage & stage);

    // Of each pair the index of its negative among its candidates, -1 = none; empty = none at all. Throws BAD_FILE where
    // there is no such one.
    void use_mined(const std::vector<int32_t> & negatives);

    batch_places at() const;
    void         seek(const batch_places & places);

    int64_t n_windows() const { return text ? text->n_windows() : 0; } // of one epoch
    int64_t n_pairs() const { return int64_t(data.pairs.size()); }     // in files

    // Texts of pairs that are longer than options.contrast.length and are cut.
    int64_t n_cut() const;

private:
    void add_text_row(const train_stage & stage, micro_batch & b);
    void add_pairs(micro_batch & b);
    void check_pairs() const;

    text_pair next_pair(double crop_share, int32_t source);

    const corpus &        data;
    const train_options & options;
    const train_vocab &   vocab;
    const instructions    before;
    double                crop_share = 0; // of pairs

    std::unique_ptr<window_order> text, crops; // NULL: not read
    pair_order                    order;       // of the pairs
    std::vector<int32_t>          mined;       // their negatives
    batch_places                  places;      // text, crops and pairs are kept by the orders themselves
};

// The rows of a contrastive batch, appended to b.
void add_embed_rows(const std::vector<text_pair> & pairs, const instructions & before, const pair_options & options,
                    const train_vocab & vocab, micro_batch & b);

// Two views of one passage.
text_pair crop_pair(const text_document & d, const text_window & w, const pair_options & options, rng & r);

} // namespace magnet::train
