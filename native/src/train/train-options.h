// Everything a training run can be told: magnet_train_params with strings of its own. Saved in checkpoints: a resumed run
// needs nothing else.
//
// What the fields mean is said in magnet.h. A number is added to its struct there; here it gets a default and a range
// (train-options.cpp), and is then checked, copied and saved.
#pragma once

#include "magnet.h"

#include <cstdint>
#include <string>
#include <vector>

namespace magnet::train {

using row_options     = magnet_train_rows;
using heldout_options = magnet_train_heldout;
using train_stage     = magnet_train_stage;

// Where a C struct points to text, these hold it: their field hides the pointer.
struct pair_options : magnet_train_contrast {
    pair_options() : magnet_train_contrast() {}

    std::string          instruction, document_instruction;
    std::vector<int32_t> dimensions;
};

struct lora_options : magnet_train_lora {
    lora_options() : magnet_train_lora() {}

    std::vector<std::string> targets;
};

struct optimizer_options : magnet_train_optimizer {
    optimizer_options() : magnet_train_optimizer() {}

    double beta1 = 0.9;
    double beta2 = 0.999;
    double eps   = 1e-8;
};

struct pair_file {
    std::string path;
    float       share     = 0;
    bool        documents = false;
    std::string mine      = {}; // "" = nothing
};

struct file_options {
    std::string              model, output;
    std::string              checkpoint, metrics, report; // "" = none
    std::string              init_adapter;                // "" = a new one
    std::vector<std::string> texts, heldout_texts;
    std::vector<pair_file>   pairs, heldout_pairs;
    int32_t                  text_unit = MAGNET_TEXT_PARAGRAPHS;
    bool                     half      = false;
    bool                     overwrite = false;
};

struct train_options {
    train_options(); // the defaults

    // Throws INVALID_ARGUMENT for a list that is none, and model = NULL. Ranges are check_options'.
    explicit train_options(const magnet_train_params & params);

    file_options             files;
    row_options              rows    = {};
    pair_options             contrast;
    lora_options             lora;
    optimizer_options        optimizer;
    heldout_options          heldout = {};
    std::vector<train_stage> stages;
    std::string              mask_token;
    int64_t                  seed             = 1;
    int32_t                  n_threads        = -1; // physical cores
    int32_t                  checkpoint_every = 50;
    int32_t                  context          = MAGNET_CONTEXT_DEFAULT;
    int32_t                  engine           = MAGNET_ENGINE_AUTO;
    int32_t                  n_gpu_layers     = 0;
    bool                     exact            = false;
    bool                     recompute        = false;
};

// The defaults as magnet.h gives them; their pointers are static.
magnet_train_params default_params();

int32_t total_steps(const train_options & options);

// Throws INVALID_ARGUMENT naming the option, its value and its range.
void check_options(const train_options & options);

// For checkpoints. from_json throws BAD_FILE.
std::string   options_to_json(const train_options & options);
train_options options_from_json(const std::string & json);

} // namespace magnet::train
