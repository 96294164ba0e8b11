// The training functions of magnet.h: parameters in, options out, and the status.
#include "handles.h"
#include "model/lora-file.h"
#include "train/merge.h"
#include "train/run.h"

using namespace magnet;
using namespace magnet::train;

namespace {

magnet_train_progress progress_of(const train_progress & p) {
    const train_record &  r    = *p.record;
    const double          none = std::numeric_limits<double>::quiet_NaN();
    magnet_train_progress out  = {};
    out.step                   = r.step;
    out.n_steps                = p.n_steps;
    out.stage                  = r.stage;
    out.best_step              = p.best_step;
    out.n_tokens               = r.tokens;
    out.seconds                = r.seconds;
    out.seconds_left           = p.seconds_left;
    out.tokens_per_second      = p.tokens_per_second;
    out.loss                   = r.loss;
    out.mntp                   = r.mntp;
    out.sscl                   = r.sscl;
    out.msg                    = r.msg;
    out.base                   = r.base;
    out.learning_rate          = r.learning_rate;
    out.gradient_norm          = r.gradient_norm;
    out.heldout_mntp           = r.looked ? r.heldout.mntp : none;
    out.heldout_sscl           = r.looked ? r.heldout.sscl : none;
    out.heldout_msg_hybrid     = r.looked ? r.heldout.msg_hybrid : none;
    out.heldout_msg_ordered    = r.looked ? r.heldout.msg_ordered : none;
    out.heldout_causal         = r.looked ? r.heldout.causal : none;
    out.heldout_score          = r.looked ? r.heldout.score : none;
    out.best_score             = p.best_score;
    return out;
}

void run(training & t, magnet_train_callback on_step, void * user_data, magnet_train_result * out_result) {
    const train_result result = t.run([&](const train_progress & p) {
        const magnet_train_progress progress = progress_of(p);
        return !on_step || on_step(&progress, user_data);
    });
    if (out_result) {
        *out_result = {result.step, result.best_step, result.stopped};
    }
}

} // namespace

magnet_train_params magnet_train_default_params(void) {
    return default_params();
}

int32_t magnet_train(const magnet_train_params * params, magnet_train_result * out_result) {
    return guard([&] {
        training t(train_options(not_null(params, "params")));
        run(t, params->on_step, params->on_step_user_data, out_result);
    });
}

int32_t magnet_train_resume(const char * checkpoint, magnet_train_callback on_step, void * user_data,
                            magnet_train_result * out_result) {
    return guard([&] { run(*training::resume(&not_null(checkpoint, "checkpoint")), on_step, user_data, out_result); });
}

int32_t magnet_train_measure(const magnet_train_params * params, magnet_train_estimate * out_estimate) {
    return guard([&] {
        magnet_train_estimate & out = not_null(out_estimate, "out_estimate");
        const train_estimate    x   = training(train_options(not_null(params, "params")), false).estimate();
        out                         = {x.n_parameters, x.n_windows,        x.n_pairs, x.tokens_per_step,
                                       x.peak_bytes,   x.seconds_per_step, x.seconds, x.n_steps};
    });
}

int32_t magnet_merge(const char * model, const char * adapter, float scale, int32_t type, const char * output) {
    return guard([&] {
        if (type < MAGNET_MERGE_BASE || type > MAGNET_MERGE_BF16) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                        "type is " + std::to_string(type) + "; it must be one of enum magnet_merge_type.");
        }
        merge_lora(&not_null(model, "model"), &not_null(adapter, "adapter"), scale, merge_type(type),
                   &not_null(output, "output"));
    });
}
