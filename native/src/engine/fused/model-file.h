// A GGUF file as the engine reads it: what the model is, and its tensors as floats.
#pragma once

#include "hparams.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct gguf_context;

namespace magnet::fused {

enum matrix { attn_q, attn_k, attn_v, attn_output, ffn_gate, ffn_up, ffn_down, n_matrices };

// Where a matrix lies: in a tensor of its own, or as rows of one that several are joined in (Phi-3).
struct matrix_place {
    std::string tensor;    // "blk.3.attn_q", without ".weight"
    int32_t     target = 0; // which of the tensors this is that an adapter can change, in their order
    int32_t     first  = 0; // its first row there
    int32_t     n_out  = 0;
    int32_t     n_in   = 0;
    int32_t     n_rows = 0; // of the tensor
};

class model_file {
public:
    // Reads the metadata and checks that the engine covers the model, down to the shape of every tensor. Throws
    // magnet::error: IO, BAD_FILE, UNSUPPORTED.
    explicit model_file(const std::string & path);
    ~model_file();
    model_file(const model_file &)             = delete;
    model_file & operator=(const model_file &) = delete;

    const hparams & params() const { return hp; }

    matrix_place place_of(int32_t layer, matrix m) const;

    bool    has(const std::string & name) const;
    int32_t type(const std::string & name) const; // ggml_type of a tensor that there is
    int64_t n_elements(const std::string & name) const;
    int64_t n_bytes(const std::string & name) const; // in the file

    // The tensor's values. Throws magnet::error (IO). Safe to call from several threads at once.
    std::vector<float> read(const std::string & name) const;

    // Rows as stored in the file, with the means to widen any of them.
    struct raw_rows {
        std::vector<uint8_t> data;
        int64_t              row_bytes = 0;
        int32_t              n         = 0; // values of a row
        int32_t              type      = 0; // ggml_type

        void widen(int64_t row, float * out) const;
    };
    raw_rows read_raw(const std::string & name) const;

private:
    void check_tensors();
    void check_shape(const std::string & name, int64_t n_in, int64_t n_out) const;

    std::vector<uint8_t> bytes_of(int64_t tensor) const;

    std::string                                   path;
    std::unique_ptr<gguf_context, void (*)(gguf_context *)> meta;
    hparams                                       hp;
};

} // namespace magnet::fused
