// The metadata of a GGUF file. What is wrong with a file is said here, before llama.cpp reads it: it only says that it
// failed, or ends the process.
#pragma once

#include "ggml.h"
#include "gguf.h"

#include <memory>
#include <string>

namespace magnet {

struct gguf_deleter {
    void operator()(gguf_context * gguf) const { gguf_free(gguf); }
    void operator()(ggml_context * ggml) const { ggml_free(ggml); }
};

struct gguf_file {
    std::unique_ptr<ggml_context, gguf_deleter> tensors; // names and shapes, no data
    std::unique_ptr<gguf_context, gguf_deleter> meta;

    // "" if there is no such key, or it is no string.
    std::string string(const char * key) const;
};

// Throws IO, or BAD_FILE if it is no GGUF file or its tensors are not all there. not_gguf ends the message of the former.
gguf_file read_gguf(const std::string & path, const std::string & not_gguf);

} // namespace magnet
