// A matrix of the file, its blocks of integers and scales as they are, in the order in which kernels go through them
// (kernels.h, quantised_panel).
#pragma once

#include "buffer.h"
#include "kernels.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace magnet::fused {

// The format of a ggml_type; none for those that kernels do not read.
std::optional<quantised_format> quantised_format_of(int32_t type);

class quantised_matrix {
public:
    // Memory only; pack() fills it.
    quantised_matrix(quantised_format format, int32_t n_in, int32_t n_out);

    // Panel j out of rows as the file stores them, row_bytes apart; row i is row order[i] of the file, if there is an order.
    // Panels may be packed from several threads.
    void pack(int32_t j, const uint8_t * rows, int64_t row_bytes, const std::vector<int32_t> & order);

    const quantised_source & source() const { return about; }
    quantised_panel          panel(int32_t j) const { return about.panel(j); }
    int32_t                  n_panels() const { return (n_out + panel_width - 1) / panel_width; }
    int64_t                  bytes() const { return data.bytes(); }

private:
    int32_t          n_out;
    buffer<uint8_t>  data;  // [strips, quants, scales, super]
    quantised_source about; // how it is laid out
};

} // namespace magnet::fused
