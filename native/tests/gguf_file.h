// GGUF files for tests: a copy of one with other metadata, cut or damaged copies, adapters, an encoder.
#pragma once

#include "engine/engine.h"

#include <functional>
#include <string>
#include <vector>

struct gguf_context;

namespace magnet::testing {

// A file of the test, in a folder that is removed when the process ends.
std::string scratch_path(const std::string & name);

std::string read_file(const std::string & path);
void        write_file(const std::string & path, const std::string & bytes);

// Copies the GGUF file FROM to TO with the metadata that edit leaves behind.
void copy_gguf(const std::string & from, const std::string & to, const std::function<void(gguf_context *)> & edit);

// A LoRA adapter in llama.cpp's format. edit may add metadata (MAGNET's recipe).
void write_adapter(const std::string & path, const std::string & architecture, const lora_set & lora, float alpha,
                   const std::function<void(gguf_context *)> & edit = {});

// Adapters of every matrix in targets, values drawn from seed.
lora_set random_lora(const std::vector<lora_matrix> & targets, int32_t rank, float scale, uint32_t seed);

// A random llama with n_vocab <= 96 tokens: one that ends a text, a space, and the printable characters from '!' on.
// With experts if there are any: two of them for each token.
void write_ascii_model(const std::string & path, int32_t n_vocab, int32_t n_expert = 0);

// A random llama with these control tokens in front (the first is BOS and EOS), a newline, a space and the printable
// characters. spm: as SentencePiece has them, else as GPT-2 does. begins: BOS stands before every text.
void write_control_model(const std::string & path, const std::vector<std::string> & control, bool spm, bool begins);

// Whole, random models with the same kind of vocabulary: a recurrent one, and one with a layer of each kind.
void write_mamba(const std::string & path);
void write_jamba(const std::string & path);

// A whole, loadable model of the encoder-only architecture bert.
void write_encoder(const std::string & path);

} // namespace magnet::testing
