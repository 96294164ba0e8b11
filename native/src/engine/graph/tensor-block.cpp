#include "tensor-block.h"

#include "frozen-weights.h"

#include <algorithm>

namespace magnet::graph {

tensor_block::tensor_block(ggml_backend_buffer_type_t type, size_t n_tensors)
    : type_(type), context_(make_context(n_tensors)), whole_context_(make_context(1)) {}

ggml_tensor * tensor_block::add(int64_t columns, int64_t rows) {
    return ggml_new_tensor_2d(context_.get(), GGML_TYPE_F32, columns, rows);
}

void tensor_block::allocate() {
    buffer_           = graph::allocate(context_.get(), type_);
    const char * base = static_cast<const char *>(ggml_backend_buffer_get_base(buffer_.get()));
    size_t       n    = 0;
    for (ggml_tensor * t = ggml_get_first_tensor(context_.get()); t; t = ggml_get_next_tensor(context_.get(), t)) {
        const size_t at = (static_cast<const char *>(t->data) - base) / sizeof(float);
        offset_[t]      = at;
        n               = std::max(n, at + (size_t) ggml_nelements(t));
    }
    whole_ = ggml_new_tensor_1d(whole_context_.get(), GGML_TYPE_F32, (int64_t) n);
    ggml_backend_tensor_alloc(buffer_.get(), whole_, ggml_backend_buffer_get_base(buffer_.get()));
    host_.assign(n, 0.0f);
    clear();
}

void tensor_block::upload() { ggml_backend_tensor_set(whole_, host_.data(), 0, ggml_nbytes(whole_)); }

void tensor_block::download() { ggml_backend_tensor_get(whole_, host_.data(), 0, ggml_nbytes(whole_)); }

void tensor_block::clear() { ggml_backend_buffer_clear(buffer_.get(), 0); }

} // namespace magnet::graph
