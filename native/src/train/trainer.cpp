#include "trainer.h"

#include "base/error.h"
#include "base/log.h"
#include "base/peak-memory.h"
#include "mining.h"
#include "objectives.h"
#include "report.h"
#include "step.h"

#include <chrono>
#include <cmath>
#include <limits>

namespace magnet::train {

static const double not_a_number = std::numeric_limits<double>::quiet_NaN();

static double now_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

static lora_set first_lora(const engine & e, const train_options & o) {
    if (o.files.init_adapter.empty()) {
        return make_lora(select_targets(e.targets(), o.lora.targets), o.lora.rank, o.lora.alpha, o.seed);
    }
    lora_adapter from = load_lora(o.files.init_adapter);
    if (from.arch != e.shape().arch) {
        throw error(MAGNET_STATUS_MISMATCH, o.files.init_adapter + " was trained for architecture \"" + from.arch +
                                                "\", the model is \"" + e.shape().arch + "\". Nothing was loaded.");
    }
    return std::move(from.set);
}

// Longest row in tokens or positions that these options can make.
static void check_context(const engine_shape & shape, const train_options & o, const train_vocab & vocab) {
    const auto fits = [&](const std::string & what, int64_t n, const std::string & cure) {
        if (shape.n_ctx_train > 0 && n > shape.n_ctx_train) {
            throw error(MAGNET_STATUS_TOO_LONG, what + " take up to " + std::to_string(n) +
                                                    " positions; this model reads at most " +
                                                    std::to_string(shape.n_ctx_train) + ". " + cure);
        }
    };
    fits("text rows (BOS, tokens and the room of every gap)",
         int64_t(1) + o.rows.length + int64_t(o.rows.max_spans) * o.rows.open_room,
         "Lower rows.length, rows.max_spans or rows.open_room.");
    fits("rows to embed (instruction, text and EOS)",
         int64_t(std::max(vocab.tokenize(o.contrast.instruction, true).size(),
                          vocab.tokenize(o.contrast.document_instruction, true).size())) +
             o.contrast.length + 2,
         "Lower contrast.length, or shorten contrast.instruction or contrast.document_instruction.");
}

trainer::trainer(engine & e, const train_vocab & vocab, const corpus & data, const corpus & held_data,
                 const train_options & options)
    : e(e), vocab(vocab), data(data), options(options), source(data, options, vocab), held(held_data, options, vocab),
      data_hash(hash_corpus(data)), has_text(!data.documents.empty()), has_pairs(!data.pairs.empty()) {
    check_context(e.shape(), options, vocab);
    for (const int32_t n : options.contrast.dimensions) {
        if (n >= e.shape().n_embd) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT, "contrast.dimensions has " + std::to_string(n) + "; the whole vector has " +
                                                            std::to_string(e.shape().n_embd) + ", and is trained anyway.");
        }
    }
    state.now.lora = first_lora(e, options);
    if (options.contrast.projection > 0) {
        state.now.head = make_projection(e.shape().n_embd, options.contrast.projection, options.seed);
    }
    state.m = state.v = zeros_like(state.now);
    how.version       = recipe_version;
    how.instruction   = options.contrast.instruction;
    how.document_instruction = options.contrast.document_instruction;
    how.pooling       = options.contrast.pooling;
    how.attention     = options.contrast.attention;
    how.token_mask    = vocab.mask;
    how.token_end     = vocab.end;
    how.open_room     = vocab.end >= 0 ? options.rows.open_room : 0;
    e.set_lora({&state.now.lora});
}

// Are they numbers for this model and these options?
void trainer::check_shapes(const trained_numbers & numbers) const {
    const std::vector<lora_matrix> known = e.targets();
    const auto                     fits  = [&](const lora_matrix & m) {
        return std::any_of(known.begin(), known.end(), [&](const lora_matrix & k) {
            return k.target == m.target && k.n_in == m.n_in && k.n_out == m.n_out;
        });
    };
    for (const lora_matrix & m : numbers.lora.matrices) {
        if (!fits(m)) {
            throw error(MAGNET_STATUS_MISMATCH, options.files.checkpoint + " adapts " + m.target + " [" + std::to_string(m.n_out) +
                                                    ", " + std::to_string(m.n_in) + "], which " + options.files.model +
                                                    " does not have so.");
        }
    }
    const int32_t width = options.contrast.projection;
    if (numbers.lora.matrices.empty() || numbers.head.n_out != width || (width > 0 && numbers.head.n_in != e.shape().n_embd)) {
        throw error(MAGNET_STATUS_BAD_FILE, options.files.checkpoint + " is a damaged checkpoint: it holds other numbers than "
                                                "its options ask for.");
    }
}

void trainer::restore(checkpoint from) {
    if (from.arch != e.shape().arch) {
        throw error(MAGNET_STATUS_MISMATCH, options.files.checkpoint + " was trained for architecture \"" + from.arch +
                                                "\", the model is \"" + e.shape().arch + "\".");
    }
    if (!base.empty() && !from.base.empty() && from.base != base) {
        throw error(MAGNET_STATUS_MISMATCH, options.files.model + " is not the file that it was when " + options.files.checkpoint +
                                                " was written; a run goes on with the same model, or starts anew.");
    }
    if (from.data_hash != data_hash) {
        throw error(MAGNET_STATUS_MISMATCH, "the training files are not what they were when " + options.files.checkpoint +
                                                " was written; a run goes on with the same files, or starts anew.");
    }
    check_shapes(from.state.now);
    try {
        source.seek(from.state.places);
        source.use_mined(from.state.mined);
    } catch (const error & e) {
        throw error(e.status, options.files.checkpoint + " is a damaged checkpoint: " + e.what() + ".");
    }
    state      = std::move(from.state);
    saved_step = state.step;
    e.set_lora({&state.now.lora});
}

std::vector<std::string> trainer::notes() const {
    std::vector<std::string> notes;
    if (const int64_t n = source.n_cut()) {
        notes.push_back(std::to_string(n) + " texts of pairs are longer than " +
                        std::to_string(options.contrast.length) + " tokens and are cut at their end.");
    }
    const train_stage & s = options.stages.back();
    if (!has_text && s.mntp + s.msg > 0) {
        notes.push_back(
            "There is no text, only pairs: MNTP and MSG are left out, the adapter will not learn to infill.");
    }
    if (has_text && s.mntp > 0 && options.rows.share_hybrid == 0) {
        notes.push_back("There are no hybrid rows, and MNTP has a loss in no others: it is left out.");
    }
    if (has_pairs && s.sscl > 0 && options.heldout.rows > 0 && held.n_pairs() < 2) {
        notes.push_back("Of so few pairs none are kept to judge by (a tenth of them at most, and two at least): the held-out "
                        "score leaves SSCL out. Name files of held-out pairs.");
    }
    if (!has_pairs && s.sscl > 0) {
        notes.push_back("There are no pairs: SSCL contrasts crops of the text.");
    }
    return notes;
}

// ------------------------------------------------------------------------------------------------ a step

static const train_stage & stage_of(const train_options & options, int32_t step, int32_t & index) {
    for (index = 0; step >= options.stages[index].steps; ++index) {
        step -= options.stages[index].steps;
    }
    return options.stages[index];
}

void trainer::warn_without_negative(const micro_batch & b) {
    if (warned || b.n_pairs < 2 || has_negative(b.n_pairs, b.texts, options.contrast.symmetric)) {
        return;
    }
    warned = true;
    log_message(MAGNET_LOG_WARN, "step " + std::to_string(state.step + 1) + ": a batch of " + std::to_string(b.n_pairs) +
                                     " pairs has no negative, because they share a text, and SSCL learns nothing from it. "
                                     "Take more pairs for a batch, or fewer that share one. Further ones are not told.");
}

train_record trainer::step() {
    train_record             r;
    const train_stage &      stage = stage_of(options, state.step, r.stage);
    std::vector<micro_batch> batches;
    for (int32_t i = 0; i < options.optimizer.accumulate; ++i) {
        batches.push_back(source.next(stage));
        warn_without_negative(batches.back());
    }
    const uint64_t    dropout = rng(options.seed, draw::dropout, uint64_t(state.step)).next();
    const step_losses losses  = compute_gradient(e, batches, stage, options, state.now, dropout, gradient);
    const auto        tensors = tensors_of(state, gradient);
    r.step                    = state.step + 1;
    r.loss                    = losses.total;
    r.mntp                    = losses.mntp;
    r.sscl                    = losses.sscl;
    r.msg                     = losses.msg;
    r.base                    = losses.base;
    r.tokens                  = (state.history.empty() ? 0 : state.history.back().tokens) + losses.n_tokens;
    r.learning_rate                      = learning_rate(options.optimizer, state.step, total_steps(options));
    r.gradient_norm           = gradient_norm(tensors);
    if (!std::isfinite(r.loss) || !std::isfinite(r.gradient_norm)) {
        std::string text = "step " + std::to_string(r.step) + ": the loss is not finite (mntp " +
                           std::to_string(r.mntp) + ", sscl " + std::to_string(r.sscl) + ", msg " +
                           std::to_string(r.msg) + ", base " + std::to_string(r.base) + ", gradient norm " + std::to_string(r.gradient_norm) +
                           "). Training stopped";
        text += saved_step > 0 ? "; " + options.files.checkpoint + " holds step " + std::to_string(saved_step) : "";
        throw error(MAGNET_STATUS_DIVERGED, text + ". Try a lower learning rate.");
    }
    const double clip  = options.optimizer.clip;
    const double scale = clip > 0 && r.gradient_norm > clip ? clip / r.gradient_norm : 1.0;
    adamw_step(tensors, options.optimizer, r.learning_rate, scale, state.step + 1);
    e.set_lora({&state.now.lora});
    state.step = r.step;
    if (options.optimizer.average > 0) {
        update_average(state.average, state.now, options.optimizer.average, state.step);
    }
    state.places = source.at();
    return r;
}

const train_record * trainer::best_record() const {
    for (const train_record & r : state.history) {
        if (r.looked && r.step > 0 && r.step == state.best_step) {
            return &r;
        }
    }
    return nullptr;
}

void trainer::look(train_record & r) {
    e.set_lora({&result().lora});
    r.heldout = held.evaluate(e);
    e.set_lora({&state.now.lora});
    r.looked                  = true;
    const train_record * best = best_record();
    if (std::isfinite(r.heldout.score) && (!best || r.heldout.score < best->heldout.score)) {
        state.best      = result();
        state.best_step = r.step;
    }
}

// ------------------------------------------------------------------------------------------------ files

void trainer::save_adapter() const {
    const bool           best   = state.best_step > 0;
    const train_record * record = best_record();
    lora_adapter         adapter;
    adapter.arch        = e.shape().arch;
    adapter.set         = best ? state.best.lora : result().lora;
    adapter.alpha       = adapter.set.scale * float(adapter.set.rank);
    adapter.how         = how;
    const bool hybrid   = record ? record->heldout.msg_hybrid < record->heldout.msg_ordered
                                 : options.rows.share_hybrid > 0 && options.rows.share_ordered == 0;
    adapter.how.context = options.context != MAGNET_CONTEXT_DEFAULT ? options.context
                          : hybrid                                  ? int32_t(MAGNET_CONTEXT_HYBRID)
                                                                    : int32_t(MAGNET_CONTEXT_ORDERED);
    save_lora(options.files.output, adapter, options.files.half ? lora_type::f16 : lora_type::f32);
}

void trainer::save_state() {
    if (!options.files.report.empty()) {
        write_report(options.files.report, options, state.history);
    }
    if (options.files.checkpoint.empty()) {
        return;
    }
    try {
        train::save_checkpoint(options.files.checkpoint, {options, e.shape().arch, base, data_hash, state});
    } catch (const error & failed) {
        throw error(failed.status, std::string(failed.what()) +
                                       (saved_step > 0 ? "; the checkpoint of step " + std::to_string(saved_step) +
                                                             " is as it was, go on from there with --resume"
                                                       : ""));
    }
    saved_step = state.step;
}

// ------------------------------------------------------------------------------------------------ the loop

train_result trainer::run(const train_callback & on_step) {
    const int32_t n_steps = total_steps(options);
    const bool    looks   = options.heldout.every > 0 && !held.empty();
    const double  before  = state.history.empty() ? 0.0 : state.history.back().seconds;
    const int64_t read    = state.history.empty() ? 0 : state.history.back().tokens;
    const double  begin   = now_seconds();
    const int32_t first   = state.step;
    if (looks && state.history.empty()) { // where it starts from, to compare with
        train_record start;
        start.loss = start.mntp = start.sscl = start.msg = start.base = start.gradient_norm = not_a_number;
        look(start);
        start.seconds = now_seconds() - begin;
        state.best    = {}; // the start is no result
        state.history.push_back(start);
    }
    if (state.step == 0 && !data.candidates.empty()) { // with the adapter that it starts from
        state.mined = mine_negatives(e, data, options.contrast, vocab);
        source.use_mined(state.mined);
    }
    metrics_file metrics(options.files.metrics, state.history);
    train_result result;
    while (state.step < n_steps && !result.stopped) {
        train_record r = step();
        if (looks && (r.step % options.heldout.every == 0 || r.step == n_steps)) {
            look(r);
        }
        r.seconds = before + now_seconds() - begin;
        state.history.push_back(r);
        metrics.add(r);
        if (state.best_step == r.step) {
            save_adapter();
        }
        if (on_step) {
            const double         spent = r.seconds - before;
            const train_record * best  = best_record();
            result.stopped =
                !on_step({&r, n_steps, double(r.tokens - read) / spent, spent / (r.step - first) * (n_steps - r.step),
                          best ? best->heldout.score : not_a_number, state.best_step});
        }
        if (r.step % options.checkpoint_every == 0 || r.step == n_steps || result.stopped) {
            save_state();
        }
    }
    save_adapter();
    result.step      = state.step;
    result.best_step = state.best_step;
    return result;
}

train_estimate trainer::estimate() {
    const train_state  start  = state;
    const batch_places places = source.at();
    train_estimate     x;
    x.n_steps      = total_steps(options);
    x.n_windows    = source.n_windows();
    x.n_pairs      = source.n_pairs();
    x.n_parameters = n_parameters(state.now.lora) + int64_t(state.now.head.w.size() + state.now.head.b.size());
    double least   = std::numeric_limits<double>::infinity();
    for (int i = 0; i < 2; ++i) { // the first one also pays for memory that is touched for the first time
        state              = start;
        const double begin = now_seconds();
        const auto   r     = step();
        least              = std::min(least, now_seconds() - begin);
        x.tokens_per_step  = r.tokens - (start.history.empty() ? 0 : start.history.back().tokens);
    }
    double look_seconds = 0;
    if (options.heldout.every > 0 && !held.empty()) {
        const double begin = now_seconds();
        held.evaluate(e);
        look_seconds = now_seconds() - begin;
    }
    x.seconds_per_step = least;
    x.seconds    = least * x.n_steps + look_seconds * (options.heldout.every > 0 ? x.n_steps / options.heldout.every + 1 : 0);
    x.peak_bytes = peak_memory();
    state        = start;
    source.seek(places);
    e.set_lora({&state.now.lora});
    return x;
}

} // namespace magnet::train
