// The norm between the last layer and the output head, for tokens [from, to) of x [n, D].
#pragma once

#include "block.h"

#include <vector>

namespace magnet::fused {

// The same of one row: hidden [D] = x / rms(x) * w.
void final_norm_row(const hparams & hp, const std::vector<float> & w, const float * x, float * hidden);

// hidden [n, D] = x / rms(x) * w.
void final_norm(const hparams & hp, const std::vector<float> & w, matrix_buffer<float> & x, int32_t from, int32_t to,
                float * hidden);

// dx from d_hidden [n, D].
void final_norm_backward(const hparams & hp, const std::vector<float> & w, matrix_buffer<float> & x, int32_t from,
                         int32_t to, const float * d_hidden, matrix_buffer<float> & dx);

} // namespace magnet::fused
