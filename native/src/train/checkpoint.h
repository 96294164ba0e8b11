// Checkpoints: the whole state of a run in one GGUF file, replaced atomically.
#pragma once

#include "state.h"
#include "train-options.h"

#include <string>

namespace magnet::train {

struct checkpoint {
    train_options options;
    std::string   arch;
    std::string   base;          // digest of the model's file; "" = not known
    uint64_t      data_hash = 0; // of the tokens trained on: the same files give the same order
    train_state   state;
};

// Throws IO; then the former file is as it was.
void save_checkpoint(const std::string & path, const checkpoint & c);

// Bit for bit what was saved. Throws IO, BAD_FILE.
checkpoint load_checkpoint(const std::string & path);

// Hash of all tokens of a corpus.
uint64_t hash_corpus(const corpus & data);

} // namespace magnet::train
