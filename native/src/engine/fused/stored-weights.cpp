#include "stored-weights.h"

#include "base/gguf-file.h"

#include "ggml-cpu.h"

#include <algorithm>

namespace magnet::fused {

template <class T, class X>
void stored_matrix::round(const X * x, const float * scale, uint8_t * input, const kernel_table<T> & kernels) const {
    constexpr int32_t at_once = 256;
    auto *            values  = reinterpret_cast<int8_t *>(input);
    auto *            scales  = reinterpret_cast<quantised_scale *>(input + round_up(n_in, 64));
    const int64_t     part    = input_bytes / 2;
    for (int32_t first = 0; first < n_in; first += at_once) {
        const int32_t n = std::min(at_once, n_in - first);
        float         in[at_once];
        for (int32_t i = 0; i < n; ++i) {
            in[i] = to_float(x[first + i]) * (scale != nullptr ? scale[first + i] : 1.0f);
        }
        kernels.quantise(in, n, values + first, scales + first / 32);
        if (n_parts == 2) {
            for (int32_t i = 0; i < n; ++i) {
                in[i] -= float(values[first + i]) * scales[(first + i) / 32].scale;
            }
            kernels.quantise(in, n, values + part + first, scales + part / int64_t(sizeof(quantised_scale)) + first / 32);
        }
    }
}

template <class T>
void stored_matrix::prepare(const float * x, uint8_t * input, const kernel_table<T> & kernels) const {
    if (packed) {
        round(x, nullptr, input, kernels);
        return;
    }
    const ggml_type as = ggml_get_type_traits_cpu(ggml_type(type))->vec_dot_type;
    ggml_get_type_traits_cpu(as)->from_float(x, input, n_in);
}

quantised_rows stored_matrix::rows_of(const uint8_t * inputs, int32_t n) const {
    quantised_rows x;
    x.n         = n * n_parts;
    x.ld        = input_bytes / n_parts;
    x.values    = reinterpret_cast<const int8_t *>(inputs);
    x.scales    = reinterpret_cast<const quantised_scale *>(inputs + round_up(n_in, 64));
    x.ld_scales = x.ld / int64_t(sizeof(quantised_scale));
    return x;
}

template <class T>
void stored_matrix::multiply(int32_t j, const uint8_t * inputs, int32_t n, float * tile,
                             const kernel_table<T> & kernels) const {
    if (packed) {
        constexpr int32_t few = 16;
        float             parts[2 * few * panel_width];
        const int32_t     most = n_parts == 1 ? n : few;
        for (int32_t first = 0; first < n; first += most) {
            const int32_t        rows = std::min(most, n - first);
            float *              out  = tile + first * panel_width;
            const quantised_rows x = rows_of(inputs + first * input_bytes, rows);
            kernels.quantised_product(packed->panel(j), x, n_parts == 1 ? out : parts, panel_width);
            for (int32_t i = 0; n_parts == 2 && i < rows * panel_width; ++i) {
                const float * both = parts + 2 * (i / panel_width) * panel_width + i % panel_width;
                out[i]             = both[0] + both[panel_width];
            }
        }
        return;
    }
    const auto    dot   = ggml_get_type_traits_cpu(ggml_type(type))->vec_dot;
    const int32_t first = j * panel_width;
    for (int32_t c = 0; c < std::min(panel_width, n_out - first); ++c) {
        const uint8_t * w = rows + (order.empty() ? first + c : order[first + c]) * row_bytes;
        for (int32_t i = 0; i < n; ++i) {
            dot(n_in, tile + i * panel_width + c, 0, w, 0, inputs + i * input_bytes, 0, 1);
        }
    }
}

void stored_matrix::take_finer_input() {
    if (packed) {
        n_parts = 2;
        input_bytes *= 2;
    }
}

namespace {

// The whole tensor, or n_out rows of it if that is not 0.
stored_matrix matrix_of(const gguf_reader & about, const std::string & name, const mapped_file & file, int32_t n_out = 0) {
    const int64_t   id   = about.find(name);
    const int64_t * ne   = gguf_get_tensor_ne(about.meta(), id);
    const ggml_type type = gguf_get_tensor_type(about.meta(), id);
    stored_matrix   m;
    m.rows      = file.data() + gguf_get_data_offset(about.meta()) + gguf_get_tensor_offset(about.meta(), id);
    m.n_in      = int32_t(ne[0]);
    m.n_out     = n_out > 0 ? n_out : int32_t(ne[1]);
    m.type      = type;
    m.row_bytes = int64_t(ggml_row_size(type, m.n_in));
    if (const auto format = quantised_format_of(type)) {
        m.packed.emplace(*format, m.n_in, m.n_out);
        m.input_bytes = round_up(round_up(m.n_in, 64) + m.n_in / 32 * int64_t(sizeof(quantised_scale)), 64);
        return m;
    }
    const auto * cpu = ggml_get_type_traits_cpu(type);
    if (cpu->vec_dot == nullptr || ggml_get_type_traits_cpu(cpu->vec_dot_type)->from_float == nullptr) {
        throw error(MAGNET_STATUS_UNSUPPORTED, std::string("products of type ") + ggml_type_name(type));
    }
    m.input_bytes = round_up(int64_t(ggml_row_size(cpu->vec_dot_type, m.n_in)), 64);
    return m;
}

} // namespace

template <class T>
stored_weights::stored_weights(const std::string & path, const weights<T> & base, thread_pool & pool) : file(path) {
    const gguf_reader about(path);
    for (int32_t l = 0; l < base.hp.n_layer; ++l) {
        for (int32_t m = 0; m < n_matrices; ++m) {
            const linear<T> & w = base.layers[l].matrices[m];
            matrices.push_back(matrix_of(about, w.target, *file, w.n_out));
            matrices.back().order = w.row_order;
            if (m == ffn_down) {
                matrices.back().take_finer_input();
            }
        }
    }
    matrices.push_back(matrix_of(about, base.hp.tied ? "token_embd.weight" : "output.weight", *file));

    matrices.back().take_finer_input();

    struct piece {
        stored_matrix * of;
        int32_t         panel;
    };
    std::vector<piece> pieces;
    bool               all_packed = true;
    for (stored_matrix & m : matrices) {
        all_packed &= m.packed.has_value();
        for (int32_t j = 0; m.packed && j < m.packed->n_panels(); ++j) {
            pieces.push_back({ &m, j });
        }
    }
    parallel_for(pool, int32_t(pieces.size()),
                 [&](int32_t i) { pieces[i].of->packed->pack(pieces[i].panel, pieces[i].of->rows, pieces[i].of->row_bytes,
                                                             pieces[i].of->order); });
    if (all_packed) {
        file.reset();
    }
}

int64_t stored_weights::widest_input() const {
    int64_t widest = 0;
    for (const stored_matrix & m : matrices) {
        widest = std::max(widest, m.input_bytes);
    }
    return widest;
}

int64_t stored_weights::bytes() const {
    int64_t n = 0;
    for (const stored_matrix & m : matrices) {
        n += m.packed ? m.packed->bytes() : 0;
    }
    return n;
}

template void stored_matrix::prepare(const float *, uint8_t *, const kernel_table<bf16> &) const;
template void stored_matrix::prepare(const float *, uint8_t *, const kernel_table<float> &) const;
template void stored_matrix::round(const bf16 *, const float *, uint8_t *, const kernel_table<bf16> &) const;
template void stored_matrix::round(const float *, const float *, uint8_t *, const kernel_table<float> &) const;
template void stored_matrix::multiply(int32_t, const uint8_t *, int32_t, float *, const kernel_table<bf16> &) const;
template void stored_matrix::multiply(int32_t, const uint8_t *, int32_t, float *, const kernel_table<float> &) const;
template stored_weights::stored_weights(const std::string &, const weights<bf16> &, thread_pool &);
template stored_weights::stored_weights(const std::string &, const weights<float> &, thread_pool &);

} // namespace magnet::fused
