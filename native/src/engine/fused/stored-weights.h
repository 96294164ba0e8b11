// The model's matrices as the file stores them, for passes of few tokens: these read every matrix once and do little with it,
// so the fewest bytes are the fastest. Passes of many tokens read the wider copies of weights.h.
//
// The usual quantised formats are packed for our kernels (quantised-matrix.h); rows of the others stay in the mapped file and
// go through ggml's own dot products.
#pragma once

#include "base/mapped-file.h"
#include "quantised-matrix.h"
#include "weights.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace magnet::fused {

struct stored_matrix {
    std::optional<quantised_matrix> packed;
    const uint8_t *                 rows      = nullptr; // [n_out] of the mapped file, where nothing is packed
    int64_t                         row_bytes = 0;
    std::vector<int32_t>            order;    // row i here is row order[i] of the file, or empty
    int64_t                         input_bytes = 0; // of a vector in the form that multiply() takes, a multiple of 64
    int32_t                         n_parts     = 1; // of a vector: 2 = what rounding to 8 bits loses comes along in 8 more
    int32_t                         n_in        = 0;
    int32_t                         n_out       = 0;
    int32_t                         type        = 0; // ggml_type

    // Before anything else: vectors are rounded to 16 bits instead of 8, at two products for one of the packed rows, whose
    // bytes come from memory once. For the output head, whose input's error goes to the logits as it is, and the way down,
    // whose input has the greatest outliers.
    void take_finer_input();

    // x [n_in] as multiply() takes it.
    template <class T>
    void prepare(const float * x, uint8_t * input, const kernel_table<T> & kernels) const;

    // The same of a packed matrix: x [n_in] times scale [n_in], unless that is NULL.
    template <class T, class X>
    void round(const X * x, const float * scale, uint8_t * input, const kernel_table<T> & kernels) const;

    // n such inputs, one after the other, as kernels read them.
    quantised_rows rows_of(const uint8_t * inputs, int32_t n) const;

    // tile [n, panel_width] = panel j of the matrix times n prepared vectors, input_bytes apart.
    template <class T>
    void multiply(int32_t j, const uint8_t * inputs, int32_t n, float * tile, const kernel_table<T> & kernels) const;
};

class stored_weights {
public:
    // Rows in the order of `base`. Throws magnet::error (IO, OUT_OF_MEMORY, UNSUPPORTED for a type that ggml's CPU backend
    // cannot multiply).
    template <class T>
    stored_weights(const std::string & path, const weights<T> & base, thread_pool & pool);

    const stored_matrix & of(int32_t layer, matrix m) const { return matrices[layer * n_matrices + m]; }
    const stored_matrix & head() const { return matrices.back(); }

    int64_t widest_input() const; // bytes
    int64_t bytes() const;        // of memory: what is mapped does not count

private:
    std::optional<mapped_file> file;
    std::vector<stored_matrix> matrices; // [layer, matrix], and the output head
};

} // namespace magnet::fused
