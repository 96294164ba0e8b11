// A head between pooled vectors and the contrastive loss, z = tanh(W v + b), as SimCSE (arXiv 2104.08821) trains with
// and drops afterwards: it keeps what only the loss needs out of the vectors.
#pragma once

#include <cstdint>
#include <vector>

namespace magnet::train {

struct projection {
    int32_t            n_in  = 0; // 0 = no head
    int32_t            n_out = 0;
    std::vector<float> w; // [n_out, n_in]
    std::vector<float> b; // [n_out]
};

// W uniform in +-1/sqrt(n_in), b zero.
projection make_projection(int32_t n_in, int32_t n_out, uint64_t seed);

// v [n, n_in] -> z [n, n_out]
std::vector<float> project(const projection & p, const std::vector<float> & v);

// d_z [n, n_out] -> d_v [n, n_in]; adds to the gradients of W and b in d_p. z is what project returned for v.
std::vector<float> project_backward(const projection & p, const std::vector<float> & v, const std::vector<float> & z,
                                    const std::vector<float> & d_z, projection & d_p);

} // namespace magnet::train
