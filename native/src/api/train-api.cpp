// The training functions of magnet.h: parameters in, options out, and the status.
#include "handles.h"
#include "model/lora-file.h"
#include "train/merge.h"
#include "train/run.h"

using namespace magnet;
using namespace magnet::train;

namespace {

std::string text_or_empty(const char * text) {
    return text ? text : "";
}

std::vector<std::string> list_of(const char * const * items, int32_t n, const char * name) {
    check_array(items, n, name);
    std::vector<std::string> list;
    for (int32_t i = 0; i < n; ++i) {
        list.emplace_back(&not_null(items[i], name));
    }
    return list;
}

train_options options_of(const magnet_train_params & p) {
    train_options o;
    o.model         = &not_null(p.model, "model");
    o.output        = text_or_empty(p.output);
    o.checkpoint    = text_or_empty(p.checkpoint);
    o.metrics       = text_or_empty(p.metrics);
    o.report        = text_or_empty(p.report);
    o.texts         = list_of(p.texts, p.n_texts, "texts");
    o.pairs         = list_of(p.pairs, p.n_pairs, "pairs");
    o.holdout_texts = list_of(p.heldout_texts, p.n_heldout_texts, "heldout_texts");
    o.holdout_pairs = list_of(p.heldout_pairs, p.n_heldout_pairs, "heldout_pairs");
    o.overwrite     = p.overwrite;

    o.rows.batch          = p.rows;
    o.rows.length         = p.row_length;
    o.rows.max_spans      = p.max_spans;
    o.rows.span_min       = p.span_min;
    o.rows.span_max       = p.span_max;
    o.rows.open_room      = p.open_room;
    o.rows.share_hybrid   = p.share_hybrid;
    o.rows.share_ordered  = p.share_ordered;
    o.rows.share_causal   = p.share_causal;
    o.rows.sentence_share = p.sentence_share;
    o.rows.mask_rate      = p.mask_rate;

    o.contrast.batch       = p.pairs_per_batch;
    o.contrast.length      = p.pair_length;
    o.contrast.pooling     = p.pooling;
    o.contrast.attention   = p.attention;
    o.contrast.projection  = p.projection;
    o.contrast.temperature = p.temperature;
    o.contrast.text_share  = p.text_pair_share;
    o.contrast.symmetric   = p.symmetric;
    o.contrast.instruction = text_or_empty(p.instruction);

    o.lora.rank    = p.rank;
    o.lora.alpha   = p.alpha;
    o.lora.dropout = p.dropout;
    o.lora.targets = list_of(p.targets, p.n_targets, "targets");
    o.lora.from    = text_or_empty(p.init_adapter);

    o.optimizer.lr           = p.learning_rate;
    o.optimizer.lr_end       = p.learning_rate_end;
    o.optimizer.weight_decay = p.weight_decay;
    o.optimizer.clip         = p.clip;
    o.optimizer.warmup       = p.warmup;
    if (p.decay < MAGNET_LR_CONSTANT || p.decay > MAGNET_LR_COSINE) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                    "decay is " + std::to_string(p.decay) + "; it must be one of enum magnet_lr_decay.");
    }
    o.optimizer.decay = lr_decay(p.decay);

    check_array(p.stages, p.n_stages, "stages");
    o.stages.clear();
    for (int32_t i = 0; i < p.n_stages; ++i) {
        o.stages.push_back({p.stages[i].steps, p.stages[i].mntp, p.stages[i].sscl, p.stages[i].msg});
    }
    if (p.text_unit < MAGNET_TEXT_PARAGRAPHS || p.text_unit > MAGNET_TEXT_FILES) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                    "text_unit is " + std::to_string(p.text_unit) + "; it must be one of enum magnet_text_unit.");
    }
    if (p.seed < 0) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "seed is " + std::to_string(p.seed) + "; it must be 0 or more.");
    }
    o.unit             = text_unit(p.text_unit);
    o.type             = p.half ? lora_type::f16 : lora_type::f32;
    o.accumulate       = p.accumulate;
    o.holdout_rows     = p.heldout_rows;
    o.eval_every       = p.eval_every;
    o.checkpoint_every = p.checkpoint_every;
    o.context          = p.context;
    o.seed             = uint64_t(p.seed);
    o.n_threads        = p.n_threads == -1 ? 0 : p.n_threads;
    o.engine           = p.engine;
    o.n_gpu_layers     = p.n_gpu_layers;
    o.exact            = p.exact;
    o.recompute        = p.recompute;
    o.mask_token       = text_or_empty(p.mask_token);
    return o;
}

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
    out.learning_rate          = r.lr;
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
    static const char * const       targets[] = {"q", "k", "v", "o", "gate", "up", "down"};
    static const train_options      o;
    static const magnet_train_stage stage = {o.stages[0].steps, float(o.stages[0].mntp), float(o.stages[0].sscl),
                                             float(o.stages[0].msg)};

    magnet_train_params p = {};
    p.instruction         = o.contrast.instruction.c_str();
    p.mask_token          = o.mask_token.c_str();
    p.targets             = targets;
    p.n_targets           = int32_t(std::size(targets));
    p.stages              = &stage;
    p.n_stages            = 1;
    p.seed                = int64_t(o.seed);
    p.n_threads           = -1;
    p.rows                = o.rows.batch;
    p.row_length          = o.rows.length;
    p.max_spans           = o.rows.max_spans;
    p.span_min            = o.rows.span_min;
    p.span_max            = o.rows.span_max;
    p.open_room           = o.rows.open_room;
    p.share_hybrid        = float(o.rows.share_hybrid);
    p.share_ordered       = float(o.rows.share_ordered);
    p.share_causal        = float(o.rows.share_causal);
    p.sentence_share      = float(o.rows.sentence_share);
    p.mask_rate           = float(o.rows.mask_rate);
    p.pairs_per_batch     = o.contrast.batch;
    p.pair_length         = o.contrast.length;
    p.pooling             = o.contrast.pooling;
    p.attention           = o.contrast.attention;
    p.temperature         = float(o.contrast.temperature);
    p.text_pair_share     = float(o.contrast.text_share);
    p.symmetric           = o.contrast.symmetric;
    p.rank                = o.lora.rank;
    p.alpha               = o.lora.alpha;
    p.learning_rate       = float(o.optimizer.lr);
    p.learning_rate_end   = float(o.optimizer.lr_end);
    p.weight_decay        = float(o.optimizer.weight_decay);
    p.clip                = float(o.optimizer.clip);
    p.decay               = int32_t(o.optimizer.decay);
    p.warmup              = o.optimizer.warmup;
    p.accumulate          = o.accumulate;
    p.heldout_rows        = o.holdout_rows;
    p.eval_every          = o.eval_every;
    p.checkpoint_every    = o.checkpoint_every;
    return p;
}

int32_t magnet_train(const magnet_train_params * params, magnet_train_result * out_result) {
    return guard([&] {
        training t(options_of(not_null(params, "params")));
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
        const train_estimate    x   = training(options_of(not_null(params, "params")), false).estimate();
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
