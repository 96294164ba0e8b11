// How an adapter was trained, as far as using it must know: kept in the metadata of its GGUF file, and of a merged
// model.
#pragma once

#include "magnet.h"

#include <functional>
#include <string>

struct gguf_context;

namespace magnet {

struct recipe {
    int32_t     version = 0; // 0 = the file has no recipe; the rest then are magnet.h's defaults
    std::string instruction; // prefix of a text to embed
    std::string document_instruction; // of one to be found by others; mostly the same
    int32_t     pooling    = MAGNET_POOLING_MEAN;
    int32_t     attention  = MAGNET_ATTENTION_BIDIRECTIONAL;
    int32_t     context    = MAGNET_CONTEXT_ORDERED;
    int32_t     token_mask = -1;
    int32_t     token_end  = -1;
    int32_t     open_room  = 0; // positions that open gaps had in training; 0 = unknown
};

// The names that the file, and the figures of an evaluation, call them by. Throw INVALID_ARGUMENT for what is none.
const char * pooling_name(int32_t pooling);     // enum magnet_pooling
const char * attention_name(int32_t attention); // enum magnet_attention
const char * context_name(int32_t context);     // enum magnet_context

// Written by this version of the library.
constexpr int32_t recipe_version = 1;

// Puts the value of a metadata key into value, or returns false. Integers as decimal text.
using meta_lookup = std::function<bool(const std::string & key, std::string & value)>;

// Throws BAD_FILE on a value that cannot be, UNSUPPORTED on a recipe that is newer than this library.
recipe read_recipe(const meta_lookup & get);

// The same, and the message names the file.
recipe read_recipe(const std::string & file, const meta_lookup & get);

// Of the keys of a recipe in a GGUF file; meta must outlive what is returned. A value of another type throws BAD_FILE.
meta_lookup lookup_of(const gguf_context * meta);

// Sets the keys magnet.* that llama.cpp ignores.
void write_recipe(const recipe & r, gguf_context * meta);

} // namespace magnet
