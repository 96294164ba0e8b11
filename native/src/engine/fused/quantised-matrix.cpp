#include "quantised-matrix.h"

#include "ggml.h"

#define GGML_COMMON_DECL_C
#include "ggml-common.h"

#include <algorithm>
#include <cstring>

namespace magnet::fused {

namespace {

constexpr int32_t strip_rows = 16;

struct format_traits {
    int32_t          bits;
    quantised_scales scales;
};

format_traits traits_of(quantised_format format) {
    switch (format) {
        case quantised_format::q4_0: return { 4, quantised_scales::f16 };
        case quantised_format::q4_1: return { 4, quantised_scales::f16_and_minima };
        case quantised_format::q5_0: return { 5, quantised_scales::f16 };
        case quantised_format::q5_1: return { 5, quantised_scales::f16_and_minima };
        case quantised_format::q8_0: return { 8, quantised_scales::f16 };
        case quantised_format::q4_k: return { 4, quantised_scales::u8_and_minima };
        case quantised_format::q5_k: return { 5, quantised_scales::u8_and_minima };
        case quantised_format::q6_k: break;
    }
    return { 6, quantised_scales::s8_of_halves };
}

// 32 columns of one row, whatever the format.
struct block32 {
    uint8_t  q[32];
    uint16_t scale   = 0; // f16: of the block, or of the eight that it belongs to
    uint16_t minimum = 0;
    uint8_t  scales[2] = {}; // bytes: scale and minimum, or the scales of both halves
};

template <class Stored>
block32 read_nibbles(const Stored & from) { // q4_0, q4_1, q5_0, q5_1
    block32 b;
    for (int32_t c = 0; c < 16; ++c) {
        b.q[c]      = from.qs[c] & 15;
        b.q[c + 16] = from.qs[c] >> 4;
    }
    b.scale = from.d;
    return b;
}

block32 with_minimum(block32 b, uint16_t minimum) {
    b.minimum = minimum;
    return b;
}

block32 with_fifth_bits(block32 b, const uint8_t (&from)[4]) {
    uint32_t bits;
    std::memcpy(&bits, from, sizeof bits);
    for (int32_t c = 0; c < 32; ++c) {
        b.q[c] |= (bits >> c & 1) << 4;
    }
    return b;
}

// Scale and minimum of block i of eight: six bits each, those of the last four in what the first four leave free.
void packed_scales(const uint8_t * s, int32_t i, uint8_t (&out)[2]) {
    if (i < 4) {
        out[0] = s[i] & 63;
        out[1] = s[i + 4] & 63;
    } else {
        out[0] = (s[i + 4] & 15) | (s[i - 4] >> 6) << 4;
        out[1] = s[i + 4] >> 4 | (s[i] >> 6) << 4;
    }
}

template <class K>
block32 read_k(const K & k, int32_t i) { // q4_k and q5_k
    block32         b;
    const uint8_t * from = k.qs + i / 2 * 32;
    for (int32_t c = 0; c < 32; ++c) {
        b.q[c] = i % 2 == 0 ? from[c] & 15 : from[c] >> 4;
    }
    b.scale   = k.d;
    b.minimum = k.dmin;
    packed_scales(k.scales, i, b.scales);
    return b;
}

block32 read_q6_k(const block_q6_K & k, int32_t i) {
    block32         b;
    const int32_t   quarter = i % 4;
    const uint8_t * low     = k.ql + i / 4 * 64 + quarter % 2 * 32;
    const uint8_t * high    = k.qh + i / 4 * 32;
    for (int32_t c = 0; c < 32; ++c) {
        b.q[c] = (quarter < 2 ? low[c] & 15 : low[c] >> 4) | (high[c] >> (2 * quarter) & 3) << 4;
    }
    b.scale = k.d;
    std::memcpy(b.scales, k.scales + 2 * i, 2);
    return b;
}

block32 read_block(quantised_format format, const uint8_t * row, int32_t i) {
    block32    b;
    const auto at = [&](auto block) { return reinterpret_cast<const decltype(block) *>(row); };
    switch (format) {
        case quantised_format::q4_0: return read_nibbles(at(block_q4_0())[i]);
        case quantised_format::q4_1: return with_minimum(read_nibbles(at(block_q4_1())[i]), at(block_q4_1())[i].m);
        case quantised_format::q5_0: return with_fifth_bits(read_nibbles(at(block_q5_0())[i]), at(block_q5_0())[i].qh);
        case quantised_format::q5_1: {
            const auto & from = at(block_q5_1())[i];
            return with_minimum(with_fifth_bits(read_nibbles(from), from.qh), from.m);
        }
        case quantised_format::q8_0: {
            const auto & from = at(block_q8_0())[i];
            for (int32_t c = 0; c < 32; ++c) {
                b.q[c] = uint8_t(from.qs[c] + 128);
            }
            b.scale = from.d;
            return b;
        }
        case quantised_format::q4_k: return read_k(at(block_q4_K())[i / 8], i % 8);
        case quantised_format::q5_k: {
            const auto & from = at(block_q5_K())[i / 8];
            b                 = read_k(from, i % 8);
            for (int32_t c = 0; c < 32; ++c) {
                b.q[c] |= (from.qh[c] >> i % 8 & 1) << 4;
            }
            return b;
        }
        case quantised_format::q6_k: break;
    }
    return read_q6_k(at(block_q6_K())[i / 8], i % 8);
}

// The integers of one row, to its four bytes of every 64.
void write_quants(const block32 & b, int32_t bits, uint8_t * out) {
    if (bits == 8) {
        for (int32_t v = 0; v < 8; ++v) {
            std::memcpy(out + 64 * v, b.q + 4 * v, 4);
        }
        return;
    }
    for (int32_t v = 0; v < 4; ++v) {
        for (int32_t j = 0; j < 4; ++j) {
            const int32_t c = 4 * v + j;
            out[64 * v + j] = (b.q[c] & 15) | (b.q[c + 16] & 15) << 4;
        }
    }
    for (int32_t j = 0; bits > 4 && j < 4; ++j) {
        uint8_t low = 0, high = 0;
        for (int32_t v = 0; v < 4; ++v) {
            const int32_t first = b.q[4 * v + j] >> 4, second = b.q[4 * v + j + 16] >> 4;
            if (bits == 5) {
                low |= first << v | second << (v + 4);
            } else {
                low |= first << (2 * v);
                high |= second << (2 * v);
            }
        }
        out[256 + j] = low;
        if (bits == 6) {
            out[320 + j] = high;
        }
    }
}

} // namespace

std::optional<quantised_format> quantised_format_of(int32_t type) {
    switch (type) {
        case GGML_TYPE_Q4_0: return quantised_format::q4_0;
        case GGML_TYPE_Q4_1: return quantised_format::q4_1;
        case GGML_TYPE_Q5_0: return quantised_format::q5_0;
        case GGML_TYPE_Q5_1: return quantised_format::q5_1;
        case GGML_TYPE_Q8_0: return quantised_format::q8_0;
        case GGML_TYPE_Q4_K: return quantised_format::q4_k;
        case GGML_TYPE_Q5_K: return quantised_format::q5_k;
        case GGML_TYPE_Q6_K: return quantised_format::q6_k;
        default: return {};
    }
}

quantised_matrix::quantised_matrix(quantised_format format, int32_t n_in, int32_t n_out) : n_out(n_out) {
    const format_traits t = traits_of(format);
    about.format          = format;
    about.n_blocks        = n_in / 32;
    about.quant_bytes     = about.n_blocks * int64_t(64) * t.bits;
    about.scale_bytes     = about.n_blocks * quantised_scale_bytes(t.scales);
    about.strip_bytes     = round_up(about.quant_bytes + about.scale_bytes +
                                     about.n_blocks / 8 * quantised_super_bytes(t.scales), 64);
    data                  = buffer<uint8_t>(2 * n_panels() * about.strip_bytes);
    about.data            = data.data();
}

void quantised_matrix::pack(int32_t j, const uint8_t * rows, int64_t row_bytes, const std::vector<int32_t> & order) {
    const format_traits t         = traits_of(about.format);
    const int64_t       per_block = quantised_scale_bytes(t.scales), per_super = quantised_super_bytes(t.scales);
    const auto          put_f16   = [](uint8_t * to, uint16_t value) { std::memcpy(to, &value, sizeof value); };
    for (int32_t i = j * panel_width; i < std::min(n_out, (j + 1) * panel_width); ++i) {
        const quantised_strip s      = about.strip(i / strip_rows);
        const int32_t         lane   = i % strip_rows;
        auto *                quants = const_cast<uint8_t *>(s.quants) + 4 * lane;
        auto *                scales = const_cast<uint8_t *>(s.scales);
        auto *                super  = const_cast<uint8_t *>(s.super) + 2 * lane;
        const uint8_t *       row    = rows + (order.empty() ? i : order[i]) * row_bytes;
        for (int32_t b = 0; b < about.n_blocks; ++b) {
            const block32 block = read_block(about.format, row, b);
            write_quants(block, t.bits, quants + b * int64_t(64) * t.bits);
            uint8_t * at = scales + b * per_block;
            if (per_super == 0) {
                put_f16(at + 2 * lane, block.scale);
            } else {
                at[lane]              = block.scales[0];
                at[lane + strip_rows] = block.scales[1];
                put_f16(super + b / 8 * per_super, block.scale);
            }
            if (t.scales == quantised_scales::f16_and_minima) {
                put_f16(at + 2 * lane + 32, block.minimum);
            } else if (t.scales == quantised_scales::u8_and_minima) {
                put_f16(super + b / 8 * per_super + 32, block.minimum);
            }
        }
    }
}

} // namespace magnet::fused
