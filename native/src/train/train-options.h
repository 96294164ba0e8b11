// Everything a training run can be told, with its defaults. Saved in checkpoints: a resumed run needs nothing else.
#pragma once

#include "magnet.h"

#include "model/lora-file.h"

#include <cstdint>
#include <string>
#include <vector>

namespace magnet::train {

enum class text_unit;

// Text rows: windows of documents, trained with MNTP and MSG.
struct row_options {
    int32_t batch          = 10;  // rows of one micro-batch
    int32_t length         = 128; // tokens of a row, at most
    double  share_hybrid   = 0.4; // of rows: CONTEXT around SPAN
    double  share_ordered  = 0.4; // ORDERED around SPAN
    double  share_causal   = 0.2; // all SPAN: plain next-token prediction keeps the model a language model
    double  mask_rate      = 0.2; // context tokens of a hybrid row picked for MNTP
    int32_t max_spans      = 3;   // gaps of a row: 1 to this
    int32_t span_min       = 8;   // tokens of a gap, where it is not a sentence
    int32_t span_max       = 32;
    double  sentence_share = 0.5; // of rows with gaps: each gap is one whole sentence
    int32_t open_room      = 64;  // positions of an open gap, which half of them are; 0 = none is
};

// Rows to embed, trained with SSCL.
struct pair_options {
    int32_t     batch       = 32; // pairs of one micro-batch; the other pairs are each one's negatives
    int32_t     length      = 64; // tokens of a text, at most (instruction and EOS come on top); longer ones are cut
    double      temperature = 0.05;
    bool        symmetric   = true; // positives must find their anchors too
    int32_t     pooling     = MAGNET_POOLING_LAST;
    int32_t     attention   = MAGNET_ATTENTION_BIDIRECTIONAL;
    int32_t     projection  = 0; // width of a head used in training only; 0 = none
    std::string instruction = "Given the sentence, find its representation: ";

    // Pairs made from the documents: two crops of one passage (Contriever, arXiv 2112.09118, section 3). The share of
    // pairs made so; -1 = all if there is no pairs file, else none.
    double text_share = -1;
    double crop_min   = 0.5; // a crop is at least this share of its passage
    double drop_rate  = 0.1; // tokens of a crop left out
};

struct lora_options {
    int32_t                  rank    = 16;
    float                    alpha   = 32;
    float                    dropout = 0; // on the input of A, text rows only
    std::vector<std::string> targets = {"q", "k", "v", "o", "gate", "up", "down"};
    std::string              from; // adapter to start from; rank, alpha and targets are then its own
};

enum class lr_decay { constant, linear, cosine };

struct optimizer_options {
    double   lr           = 5e-4;
    double   lr_end       = 0.1; // share of lr that is left at the last step
    lr_decay decay        = lr_decay::cosine;
    int32_t  warmup       = 15; // steps from 0 to lr
    double   beta1        = 0.9;
    double   beta2        = 0.999;
    double   eps          = 1e-8;
    double   weight_decay = 0.01;
    double   clip         = 1.0; // largest norm of the whole gradient; 0 = no clipping
};

// Loss = mntp * MNTP + sscl * SSCL + msg * MSG for that many steps. A weight of 0 leaves the work out too.
struct train_stage {
    int32_t steps = 400;
    double  mntp  = 1;
    double  sscl  = 1;
    double  msg   = 1;
};

struct train_options {
    std::string              model;                        // GGUF
    std::vector<std::string> texts;                        // plain text or JSONL
    std::vector<std::string> pairs;                        // TSV or JSONL
    std::vector<std::string> holdout_texts, holdout_pairs; // files to judge by, instead of parts of the above
    std::string              output;                       // adapter
    std::string              checkpoint;                   // "" = none are written
    std::string              metrics;                      // JSONL, "" = none
    std::string              report;                       // HTML, "" = none
    bool                     overwrite = false;            // replace an adapter that exists

    row_options              rows;
    pair_options             contrast;
    lora_options             lora;
    optimizer_options        optimizer;
    std::vector<train_stage> stages = {{}};

    int32_t     accumulate       = 1;  // micro-batches of a step
    int32_t     holdout_rows     = 32; // text windows and pairs kept out of training, at most a tenth of each; 0 = none
    int32_t     eval_every       = 20; // steps between looks at the held-out loss; 0 = never
    int32_t     checkpoint_every = 50; // steps
    uint64_t    seed             = 1;
    int32_t     n_threads        = 0;     // 0 = physical cores
    int32_t     engine           = MAGNET_ENGINE_AUTO;
    int32_t     n_gpu_layers     = 0;     // of the graph engine
    bool        exact            = false; // products in F32 instead of bf16
    bool        recompute        = false; // keep less of the forward pass, compute it again: less memory, slower
    text_unit   unit{};                   // paragraph
    lora_type   type{};                   // f32
    std::string mask_token = "_";         // text of MNTP's mask token where the vocabulary has none; one token
    int32_t     context =
        MAGNET_CONTEXT_DEFAULT; // infill's default with this adapter; DEFAULT = the better on held-out text
};

int32_t total_steps(const train_options & options);

// Throws INVALID_ARGUMENT naming the option, its value and its range.
void check_options(const train_options & options);

// For checkpoints. from_json throws BAD_FILE.
std::string   options_to_json(const train_options & options);
train_options options_from_json(const std::string & json);

} // namespace magnet::train
