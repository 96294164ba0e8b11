// A training run from files to files: what the options name is read, trained on, and written.
#pragma once

#include "model/model.h"
#include "trainer.h"

namespace magnet::train {

class training {
public:
    // Reads model, vocabulary, text and pairs. Throws what reading throws, INVALID_ARGUMENT on options that make no
    // sense or on a file to write that is one of the others, and IO if the output exists and may not be replaced: before
    // anything is computed. writes = false: only to estimate, which needs no output. resumes: it goes on from its checkpoint.
    explicit training(const train_options & options, bool writes = true, bool resumes = false);

    // Goes on with the options that the checkpoint holds.
    static std::unique_ptr<training> resume(const std::string & checkpoint);

    const train_options & options() const { return options_; }

    train_result   run(const train_callback & on_step) { return trainer_->run(on_step); }
    train_estimate estimate(); // and to the log, as information, what lies where in memory by then

private:
    train_options            options_;
    std::shared_ptr<model>   model_; // vocabulary only
    train_vocab              vocab_;
    corpus                   data_, held_;
    std::unique_ptr<engine>  engine_;
    std::unique_ptr<trainer> trainer_;
};

// Vocabulary of a model for training. mask_token stands in where it has no mask token; throws INVALID_ARGUMENT if that
// is not exactly one token. END is the vocabulary's EOS.
train_vocab make_train_vocab(const std::shared_ptr<model> & m, const std::string & mask_token);

} // namespace magnet::train
