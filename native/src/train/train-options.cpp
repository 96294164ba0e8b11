#include "train-options.h"

#include "base/error.h"
#include "corpus.h"
#include "lora.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <sstream>

namespace magnet::train {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(row_options, batch, length, share_hybrid, share_ordered, share_causal,
                                                mask_rate, max_spans, span_min, span_max, sentence_share, open_room)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(pair_options, batch, length, temperature, symmetric, pooling, attention,
                                                projection, instruction, text_share, crop_min, drop_rate)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(lora_options, rank, alpha, dropout, targets, from)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(optimizer_options, lr, lr_end, decay, warmup, beta1, beta2, eps,
                                                weight_decay, clip)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(train_stage, steps, mntp, sscl, msg)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(train_options, model, texts, pairs, holdout_texts, holdout_pairs,
                                                output, checkpoint, metrics, report, overwrite, rows, contrast, lora,
                                                optimizer, stages, accumulate, holdout_rows, eval_every,
                                                checkpoint_every, seed, n_threads, engine, n_gpu_layers, exact, recompute, unit,
                                                type, mask_token, context)

std::string options_to_json(const train_options & options) {
    return nlohmann::json(options).dump();
}

train_options options_from_json(const std::string & text) {
    try {
        return nlohmann::json::parse(text).get<train_options>();
    } catch (const nlohmann::json::exception & e) {
        throw error(MAGNET_STATUS_BAD_FILE, std::string("the training options cannot be read: ") + e.what());
    }
}

int32_t total_steps(const train_options & options) {
    int32_t steps = 0;
    for (const train_stage & s : options.stages) {
        steps += s.steps;
    }
    return steps;
}

// Closed range. NaN is outside of any.
static void in_range(const char * name, double value, double lo, double hi) {
    if (!(value >= lo && value <= hi)) {
        std::ostringstream text;
        text << name << " is " << value << "; it must be between " << lo << " and ";
        std::isinf(hi) ? text << "any finite number." : text << hi << ".";
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, text.str());
    }
}

// Messages name the options as magnet.h does.
void check_options(const train_options & o) {
    const double most       = INT32_MAX;
    const double most_batch = 65536; // beyond, memory ends before the first step does
    in_range("rows", o.rows.batch, 1, most_batch);
    in_range("row_length", o.rows.length, 4, most);
    in_range("share_hybrid", o.rows.share_hybrid, 0, 1e6);
    in_range("share_ordered", o.rows.share_ordered, 0, 1e6);
    in_range("share_causal", o.rows.share_causal, 0, 1e6);
    in_range("the sum of the row shares", o.rows.share_hybrid + o.rows.share_ordered + o.rows.share_causal, 1e-6, 3e6);
    in_range("mask_rate", o.rows.mask_rate, 0, 1);
    in_range("max_spans", o.rows.max_spans, 1, most);
    in_range("span_min", o.rows.span_min, 1, most);
    in_range("span_max", o.rows.span_max, o.rows.span_min, most);
    in_range("sentence_share", o.rows.sentence_share, 0, 1);
    in_range("open_room", o.rows.open_room, 0, 1e6);
    in_range("pairs_per_batch", o.contrast.batch, 2, most_batch);
    in_range("pair_length", o.contrast.length, 4, most);
    in_range("temperature", o.contrast.temperature, 1e-4, 100);
    in_range("pooling", o.contrast.pooling, MAGNET_POOLING_LAST, MAGNET_POOLING_WEIGHTED_MEAN);
    in_range("attention", o.contrast.attention, MAGNET_ATTENTION_BIDIRECTIONAL, MAGNET_ATTENTION_CAUSAL);
    in_range("projection", o.contrast.projection, 0, 65536);
    in_range("text_pair_share", o.contrast.text_share, -1, 1);
    in_range("crop_min", o.contrast.crop_min, 0, 1);
    in_range("drop_rate", o.contrast.drop_rate, 0, 1);
    in_range("rank", o.lora.rank, 1, 65536);
    in_range("alpha", o.lora.alpha, 1e-6, 1e6);
    in_range("dropout", o.lora.dropout, 0, 0.99);
    in_range("learning_rate", o.optimizer.lr, 0, 1);
    in_range("learning_rate_end", o.optimizer.lr_end, 0, 1);
    in_range("warmup", o.optimizer.warmup, 0, most);
    in_range("beta1", o.optimizer.beta1, 0, 0.999999);
    in_range("beta2", o.optimizer.beta2, 0, 0.999999);
    in_range("eps", o.optimizer.eps, 1e-30, 1);
    in_range("weight_decay", o.optimizer.weight_decay, 0, 100);
    in_range("clip", o.optimizer.clip, 0, INFINITY);
    in_range("the number of stages", double(o.stages.size()), 1, most);
    double steps = 0;
    for (const train_stage & s : o.stages) {
        in_range("the steps of a stage", s.steps, 1, most);
        in_range("the weight of MNTP", s.mntp, 0, 1e6);
        in_range("the weight of SSCL", s.sscl, 0, 1e6);
        in_range("the weight of MSG", s.msg, 0, 1e6);
        in_range("the sum of a stage's weights", s.mntp + s.sscl + s.msg, 1e-9, 3e6);
        steps += s.steps;
    }
    in_range("the steps of all stages", steps, 1, most);
    in_range("accumulate", o.accumulate, 1, most_batch);
    in_range("heldout_rows", o.holdout_rows, 0, most);
    in_range("eval_every", o.eval_every, 0, most);
    in_range("checkpoint_every", o.checkpoint_every, 1, most);
    in_range("n_threads", o.n_threads, 0, 4096);
    in_range("engine", o.engine, MAGNET_ENGINE_AUTO, MAGNET_ENGINE_GRAPH);
    in_range("n_gpu_layers", o.n_gpu_layers, -1, most);
    in_range("context", o.context, MAGNET_CONTEXT_DEFAULT, MAGNET_CONTEXT_LEFT);
}

} // namespace magnet::train
