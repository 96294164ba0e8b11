// What llama.cpp asserts of a model file, or reckons with unchecked: looked at before it sees the file.
#pragma once

#include "base/gguf-file.h"

namespace magnet {

// Throws BAD_FILE, naming the key and its value: a number that no model has, one that is not finite, a head that cannot be
// rotated so; and a weight of a type that holds none, a norm or bias of another type than F32, naming the tensor.
void check_metadata(const gguf_reader & file);

// The vocabulary, looked at where llama.cpp has refused it: throws BAD_FILE if a token is there twice.
void check_tokens(const gguf_reader & file);

} // namespace magnet
