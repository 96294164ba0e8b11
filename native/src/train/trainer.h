// The training loop.
#pragma once

#include "checkpoint.h"
#include "heldout.h"
#include "lora.h"
#include "model/lora-file.h"

#include <functional>
#include <memory>

namespace magnet::train {

// After each step. Borrowed: valid during the call.
struct train_progress {
    const train_record * record; // this step
    int32_t              n_steps;
    double               tokens_per_second; // since this run began, looks at the held-out loss included
    double               seconds_left;      // at this speed
    double               best_score;        // of the held-out loss so far; NaN = none yet
    int32_t              best_step;         // 0 = none yet
};

// Returns false to stop after this step; what was learned is kept.
using train_callback = std::function<bool(const train_progress &)>;

struct train_result {
    int32_t step      = 0;     // steps done
    bool    stopped   = false; // by the callback
    int32_t best_step = 0;     // whose state the adapter holds; 0 = no held-out loss: the last one's
};

struct train_estimate {
    int32_t n_steps          = 0;
    int64_t n_parameters     = 0; // trained
    int64_t tokens_per_step  = 0;
    int64_t n_windows        = 0; // text windows of one epoch
    int64_t n_pairs          = 0;
    double  seconds_per_step = 0; // of the faster of the two that are measured
    double  seconds          = 0; // of all steps and looks at the held-out loss
    int64_t peak_bytes       = 0; // resident memory of the process, measured over these steps
};

class trainer {
public:
    // Keeps references; e is set up for the adapter from here on. Throws INVALID_ARGUMENT and what its parts throw.
    trainer(engine & e, const train_vocab & vocab, const corpus & data, const corpus & held,
            const train_options & options);

    // Goes on where a checkpoint was written. Throws MISMATCH if it belongs to other data or another model, BAD_FILE if it
    // does not belong to these options.
    void restore(checkpoint from);

    // Runs to the end, a stop, or an error. Writes the adapter when the held-out score improves and at the end, and
    // checkpoints. Loss or gradient not finite: throws DIVERGED naming the step; files stay as they were last good.
    train_result run(const train_callback & on_step);

    // Takes two real steps and undoes them; writes nothing.
    train_estimate estimate();

    // The digest of the model's file: checkpoints hold it, and restore() refuses those of another one.
    void set_base(std::string digest) { base = std::move(digest); }

    // What a user should know before the run: texts that are cut, objectives that have no data.
    std::vector<std::string> notes() const;

private:
    train_record step();                 // the next one; leaves the state untouched if it is not finite
    void         look(train_record & r); // held-out losses of the current state; remembers it if it is the best
    void         save_adapter() const;   // the best state, else the current one
    void         save_state();           // checkpoint and report
    void         warn_without_negative(const micro_batch & b);
    void         check_shapes(const trained_numbers & numbers) const;

    const train_record * best_record() const; // NULL = none yet

    // What is judged and written: the mean over the steps, or the state itself.
    const trained_numbers & result() const { return state.average.lora.matrices.empty() ? state.now : state.average; }

    engine &              e;
    const train_vocab &   vocab;
    const corpus &        data;
    const train_options & options;
    batch_source          source;
    heldout               held;
    train_state           state;
    trained_numbers       gradient;
    recipe                how;
    std::string           base; // digest of the model's file
    uint64_t              data_hash;
    int32_t               saved_step = 0; // of the last checkpoint
    bool                  has_text, has_pairs;
    bool                  warned = false; // of a batch without negatives
};

} // namespace magnet::train
