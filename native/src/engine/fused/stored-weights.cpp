#include "stored-weights.h"

#include "base/gguf-file.h"

#include "ggml-cpu.h"

#include <algorithm>

namespace magnet::fused {

void stored_matrix::prepare(const float * x, void * input) const {
    const ggml_type as = ggml_get_type_traits_cpu(ggml_type(type))->vec_dot_type;
    ggml_get_type_traits_cpu(as)->from_float(x, input, n_in);
}

void stored_matrix::dot(int32_t row, const uint8_t * inputs, int32_t n, float * out, int64_t ld) const {
    const auto      multiply = ggml_get_type_traits_cpu(ggml_type(type))->vec_dot;
    const uint8_t * w        = rows + row * row_bytes;
    for (int32_t i = 0; i < n; ++i) {
        multiply(n_in, out + i * ld, 0, w, 0, inputs + i * input_bytes, 0, 1);
    }
}

stored_weights::stored_weights(const std::string & path, const hparams & hp) : file(path) {
    const gguf_reader about(path);
    const auto        matrix_of = [&](const std::string & name) {
        const int64_t   id   = about.find(name);
        const int64_t * ne   = gguf_get_tensor_ne(about.meta(), id);
        const ggml_type type = gguf_get_tensor_type(about.meta(), id);
        const auto *    cpu  = ggml_get_type_traits_cpu(type);
        if (cpu->vec_dot == nullptr || ggml_get_type_traits_cpu(cpu->vec_dot_type)->from_float == nullptr) {
            throw error(MAGNET_STATUS_UNSUPPORTED, std::string("products of type ") + ggml_type_name(type));
        }
        stored_matrix m;
        m.rows = file.data() + gguf_get_data_offset(about.meta()) + gguf_get_tensor_offset(about.meta(), id);
        m.n_in        = int32_t(ne[0]);
        m.n_out       = int32_t(ne[1]);
        m.type        = type;
        m.row_bytes   = int64_t(ggml_row_size(type, m.n_in));
        m.input_bytes = round_up(int64_t(ggml_row_size(cpu->vec_dot_type, m.n_in)), 64);
        widest        = std::max(widest, m.input_bytes);
        return m;
    };
    for (int32_t l = 0; l < hp.n_layer; ++l) {
        for (int32_t m = 0; m < n_matrices; ++m) {
            matrices.push_back(matrix_of(tensor_name(l, matrix(m))));
        }
    }
    output = matrix_of(hp.tied ? "token_embd.weight" : "output.weight");
}

} // namespace magnet::fused
