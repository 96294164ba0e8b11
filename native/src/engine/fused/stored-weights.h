// The model's matrices as the file stores them, multiplied by ggml's own dot products of quantised rows.
//
// A pass of one token reads every matrix once and does little with it, so the fewest bytes are the fastest: those of the
// file. Passes of many tokens read the wider, faster copies of weights.h.
#pragma once

#include "base/mapped-file.h"
#include "weights.h"

#include <cstdint>
#include <string>
#include <vector>

namespace magnet::fused {

struct stored_matrix {
    const uint8_t * rows      = nullptr; // [n_out], borrowed from the mapped file
    int64_t         row_bytes = 0;
    int64_t         input_bytes = 0; // of a vector in the form that dot() takes
    int32_t         n_in  = 0;
    int32_t         n_out = 0;
    int32_t         type  = 0; // ggml_type

    // x [n_in] as dot() takes it, input_bytes.
    void prepare(const float * x, void * input) const;

    // out[i * ld] = row (in the file's order) times the i-th of n prepared vectors.
    void dot(int32_t row, const uint8_t * inputs, int32_t n, float * out, int64_t ld) const;
};

class stored_weights {
public:
    // Throws magnet::error (IO, UNSUPPORTED for a type that ggml's CPU backend cannot multiply).
    stored_weights(const std::string & path, const hparams & hp);

    const stored_matrix & of(int32_t layer, matrix m) const { return matrices[layer * n_matrices + m]; }
    const stored_matrix & head() const { return output; }

    int64_t widest_input() const { return widest; } // bytes

private:
    mapped_file                file;
    std::vector<stored_matrix> matrices;
    stored_matrix              output;
    int64_t                    widest = 0;
};

} // namespace magnet::fused
