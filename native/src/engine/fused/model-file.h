// A GGUF file as the engine reads it: what the model is, and its tensors as floats.
#pragma once

#include "kernels.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct gguf_context;

namespace magnet::fused {

// The dense decoder block: RMSNorm, attention with grouped heads and rotary embedding, gated feed-forward.
struct hparams {
    std::string arch;
    int32_t     n_vocab     = 0;
    int32_t     n_embd      = 0;
    int32_t     n_layer     = 0;
    int32_t     n_head      = 0;
    int32_t     n_head_kv   = 0;
    int32_t     head_dim    = 0;
    int32_t     n_rot       = 0;
    int32_t     n_ff        = 0;
    int32_t     n_ctx_train = 0;
    float       eps         = 1e-5f;
    float       rope_base   = 10000.0f;
    float       rope_scale  = 1.0f;  // angles are multiplied by it
    bool        rope_pairs  = false; // the file's rotary pairs are (2i, 2i + 1), not (i, i + n_rot / 2)
    float       embd_scale  = 1.0f;  // of token embeddings
    activation  act         = activation::silu;
    bool        tied        = true;  // the output head is token_embd
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
    uint32_t    u32(const std::string & key) const;
    uint32_t    u32(const std::string & key, uint32_t otherwise) const;
    float       f32(const std::string & key, float otherwise) const;
    std::string str(const std::string & key, const std::string & otherwise) const;
    int64_t     key(const std::string & name, const char * type_name, std::initializer_list<int> types) const;

    void check_arch();
    void check_rope();
    void check_tensors();
    void check_shape(const std::string & name, int64_t n_in, int64_t n_out) const;

    std::vector<uint8_t> bytes_of(int64_t tensor) const;

    std::string                                   path;
    std::unique_ptr<gguf_context, void (*)(gguf_context *)> meta;
    hparams                                       hp;
};

} // namespace magnet::fused
