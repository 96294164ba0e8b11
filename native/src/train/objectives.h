// The losses, as functions of hidden states: value and gradient. Nothing here knows how the states were computed.
//
// Shapes: T tokens of a row, D width, P pairs. Matrices are row-major.
#pragma once

#include "rows.h"

#include <cstdint>
#include <vector>

namespace magnet::train {

// Sum of -log p over the row's MNTP labels. hidden [T, D]; if d_hidden [T, D] is given, weight * gradient is added.
// Safe to call from several threads at once; so msg_loss.
double mntp_loss(const engine & e, const train_row & row, const float * hidden, float weight, float * d_hidden);

// Sum of -log p over the tokens of its gaps and their ENDs; over every token of a causal row.
double msg_loss(const engine & e, const train_row & row, const float * hidden, float weight, float * d_hidden);

// Sum over the row's tokens of the divergence of what the states hidden predict from what those of the base do: KL(base,
// adapted). base and hidden [T, D].
double base_loss(const engine & e, const std::vector<float> & base, const float * hidden, float weight, float * d_hidden);

// One vector of a row to embed. hidden [T, D], out [D]. LAST: output of the last token. MEAN: over the text's own
// tokens. WEIGHTED_MEAN: the i-th of them with weight i (SGPT, arXiv 2202.08904).
void pool(const train_row & row, int32_t pooling, const float * hidden, int32_t n_embd, float * out);

// Adds the gradient of pool: d_out [D] to d_hidden [T, D].
void pool_backward(const train_row & row, int32_t pooling, const float * d_out, int32_t n_embd, float * d_hidden);

// The vectors of one contrastive batch: P anchors, then P positives, then the hard negatives there are.
struct contrast_batch {
    int32_t               n_pairs = 0; // P >= 2
    int32_t               n_embd  = 0; // width of a vector
    std::vector<float>    vectors;     // [2 P + negatives, n_embd], of any length
    std::vector<uint64_t> texts;       // [2 P + negatives] equal = the same text; empty = all differ

    int32_t n_vectors() const { return int32_t(vectors.size() / size_t(n_embd)); }
};

// Has any query of a batch with these texts (as in contrast_batch, but not empty) a negative? Without, the loss is 0 and
// its gradient too.
bool has_negative(int32_t n_pairs, const std::vector<uint64_t> & texts, bool symmetric);

// Mean InfoNCE of cosine / temperature: each anchor must find its positive among all positives and hard negatives; if
// symmetric, the mean of that and of the way back, each positive finding its anchor among all anchors. A candidate
// whose text is the query's own, the answer's, or paired with the query's text elsewhere in the batch is no negative.
// d_vectors (same shape as vectors; may be NULL) receives weight * gradient.
// margin: so is one of another pair whose cosine with the query is that of the answer and more than this besides; hard
// negatives are such however near they are.
double sscl_loss(const contrast_batch & batch, double temperature, bool symmetric, float weight,
                 std::vector<float> * d_vectors, double margin = 2);

// The mean of sscl_loss over the whole vectors and their first options.dimensions numbers. d_vectors as there.
double contrast_loss(const contrast_batch & batch, const pair_options & options, float weight, std::vector<float> * d_vectors);

} // namespace magnet::train
