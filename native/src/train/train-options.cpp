#include "train-options.h"

#include "base/json-fields.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>

namespace magnet::train {

// Calls use(name, field, least, most) for every number and switch; ranges are closed. The names are those of magnet.h.
template <typename Options, typename F>
static void for_each_field(Options & o, const F & use) {
    const double most       = INT32_MAX;
    const double most_batch = 65536; // beyond, memory ends before the first step does
    use("files.text_unit", o.files.text_unit, MAGNET_TEXT_PARAGRAPHS, MAGNET_TEXT_FILES);
    use("files.half", o.files.half, 0, 1);
    use("files.overwrite", o.files.overwrite, 0, 1);
    use("rows.batch", o.rows.batch, 1, most_batch);
    use("rows.length", o.rows.length, 4, most);
    use("rows.max_spans", o.rows.max_spans, 1, most);
    use("rows.span_min", o.rows.span_min, 1, most);
    use("rows.span_max", o.rows.span_max, 1, most);
    use("rows.open_room", o.rows.open_room, 0, 1e6);
    use("rows.share_hybrid", o.rows.share_hybrid, 0, 1e6);
    use("rows.share_ordered", o.rows.share_ordered, 0, 1e6);
    use("rows.share_causal", o.rows.share_causal, 0, 1e6);
    use("rows.keep_base", o.rows.keep_base, 0, 1);
    use("rows.sentence_share", o.rows.sentence_share, 0, 1);
    use("rows.mask_rate", o.rows.mask_rate, 0, 1);
    use("contrast.batch", o.contrast.batch, 2, most_batch);
    use("contrast.length", o.contrast.length, 4, most);
    use("contrast.pooling", o.contrast.pooling, MAGNET_POOLING_LAST, MAGNET_POOLING_WEIGHTED_MEAN);
    use("contrast.attention", o.contrast.attention, MAGNET_ATTENTION_BIDIRECTIONAL, MAGNET_ATTENTION_CAUSAL);
    use("contrast.projection", o.contrast.projection, 0, 65536);
    use("contrast.temperature", o.contrast.temperature, 1e-4, 100);
    use("contrast.text_share", o.contrast.text_share, -1, 1);
    use("contrast.crop_min", o.contrast.crop_min, 0, 1);
    use("contrast.drop_rate", o.contrast.drop_rate, 0, 1);
    use("contrast.margin", o.contrast.margin, -1, 2);
    use("contrast.mine_margin", o.contrast.mine_margin, -1, 2);
    use("contrast.symmetric", o.contrast.symmetric, 0, 1);
    use("lora.rank", o.lora.rank, 1, 65536);
    use("lora.alpha", o.lora.alpha, 1e-6, 1e6);
    use("lora.dropout", o.lora.dropout, 0, 0.99);
    use("optimizer.learning_rate", o.optimizer.learning_rate, 1e-12, 1); // with 0 nothing is learned
    use("optimizer.learning_rate_end", o.optimizer.learning_rate_end, 0, 1);
    use("optimizer.weight_decay", o.optimizer.weight_decay, 0, 100);
    use("optimizer.clip", o.optimizer.clip, 0, std::numeric_limits<float>::max());
    use("optimizer.decay", o.optimizer.decay, MAGNET_LR_CONSTANT, MAGNET_LR_COSINE);
    use("optimizer.warmup", o.optimizer.warmup, 0, most);
    use("optimizer.accumulate", o.optimizer.accumulate, 1, most_batch);
    use("optimizer.average", o.optimizer.average, 0, 1);
    use("optimizer.beta1", o.optimizer.beta1, 0, 0.999999);
    use("optimizer.beta2", o.optimizer.beta2, 0, 0.999999);
    use("optimizer.eps", o.optimizer.eps, 1e-30, 1);
    use("heldout.rows", o.heldout.rows, 0, most);
    use("heldout.every", o.heldout.every, 0, most);
    use("seed", o.seed, 0, std::numeric_limits<double>::max());
    use("n_threads", o.n_threads, -1, 4096);
    use("checkpoint_every", o.checkpoint_every, 1, most);
    use("context", o.context, MAGNET_CONTEXT_DEFAULT, MAGNET_CONTEXT_LEFT);
    use("engine", o.engine, MAGNET_ENGINE_AUTO, MAGNET_ENGINE_GRAPH);
    use("n_gpu_layers", o.n_gpu_layers, -1, most);
    use("exact", o.exact, 0, 1);
    use("recompute", o.recompute, 0, 1);
}

// The same for texts and lists of them.
template <typename Options, typename F>
static void for_each_text(Options & o, const F & use) {
    use("files.model", o.files.model);
    use("files.output", o.files.output);
    use("files.checkpoint", o.files.checkpoint);
    use("files.metrics", o.files.metrics);
    use("files.report", o.files.report);
    use("files.init_adapter", o.files.init_adapter);
    use("files.texts", o.files.texts);
    use("files.heldout_texts", o.files.heldout_texts);
    use("contrast.instruction", o.contrast.instruction);
    use("contrast.document_instruction", o.contrast.document_instruction);
    use("lora.targets", o.lora.targets);
    use("mask_token", o.mask_token);
}

// The same for lists of files of pairs.
template <typename Options, typename F>
static void for_each_pair_list(Options & o, const F & use) {
    use("files.pairs", o.files.pairs);
    use("files.heldout_pairs", o.files.heldout_pairs);
}

// Shares: of 10 text rows 4 are hybrid, 4 ordered and 2 causal; the last keep the model a language model.
static const char * const default_targets[] = {"q", "k", "v", "o", "gate", "up", "down"};
static const train_stage  default_stage     = {400, 1.0f, 1.0f, 1.0f};

magnet_train_params default_params() {
    magnet_train_params p         = {};
    p.rows.batch                  = 10;
    p.rows.length                 = 128;
    p.rows.max_spans              = 3;
    p.rows.span_min               = 8;
    p.rows.span_max               = 32;
    p.rows.open_room              = 64;
    p.rows.share_hybrid           = 0.4f;
    p.rows.share_ordered          = 0.4f;
    p.rows.share_causal           = 0.2f;
    p.rows.sentence_share         = 0.5f;
    p.rows.mask_rate              = 0.2f;
    p.contrast.instruction        = "Given the sentence, find its representation: ";
    p.contrast.batch              = 32;
    p.contrast.length             = 64;
    p.contrast.pooling            = MAGNET_POOLING_LAST;
    p.contrast.attention          = MAGNET_ATTENTION_BIDIRECTIONAL;
    p.contrast.temperature        = 0.05f;
    p.contrast.text_share         = -1.0f;
    p.contrast.crop_min           = 0.5f; // Contriever, arXiv 2112.09118, section 3
    p.contrast.drop_rate          = 0.1f;
    p.contrast.margin             = 2.0f;
    p.contrast.mine_margin        = 0.05f;
    p.contrast.symmetric          = true;
    p.lora.targets                = default_targets;
    p.lora.n_targets              = int32_t(std::size(default_targets));
    p.lora.rank                   = 16;
    p.lora.alpha                  = 32.0f;
    p.optimizer.learning_rate     = 5e-4f;
    p.optimizer.learning_rate_end = 0.1f;
    p.optimizer.weight_decay      = 0.01f;
    p.optimizer.clip              = 1.0f;
    p.optimizer.decay             = MAGNET_LR_COSINE;
    p.optimizer.warmup            = 15;
    p.optimizer.accumulate        = 1;
    p.heldout.rows                = 32;
    p.heldout.every               = 20;
    p.stages                      = &default_stage;
    p.n_stages                    = 1;
    p.mask_token                  = "_";
    p.seed                        = 1;
    p.n_threads                   = -1;
    p.checkpoint_every            = 50;
    return p;
}

static std::vector<std::string> list_of(const char * const * items, int32_t n, const char * name) {
    std::vector<std::string> list;
    for (int32_t i = 0; i < n || (n != 0 && !items); ++i) {
        if (n < 0 || !items || !items[i]) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                        std::string(name) + " has NULL in it, is NULL, or has a negative number of elements.");
        }
        list.emplace_back(items[i]);
    }
    return list;
}

static std::string text_or_empty(const char * text) {
    return text ? text : "";
}

static std::vector<pair_file> pair_files_of(const magnet_train_pairs * items, int32_t n, const char * name) {
    if (n < 0 || (n > 0 && !items)) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, std::string(name) + " is NULL, or has a negative number of elements.");
    }
    std::vector<pair_file> files;
    for (int32_t i = 0; i < n; ++i) {
        if (!items[i].path) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT, std::string(name) + "[" + std::to_string(i) + "].path is NULL.");
        }
        files.push_back({items[i].path, items[i].share, items[i].documents, text_or_empty(items[i].mine)});
    }
    return files;
}

train_options::train_options() {
    static const magnet_train_params p = [] {
        magnet_train_params defaults = default_params();
        defaults.files.model         = "";
        return defaults;
    }();
    *this = train_options(p);
}

train_options::train_options(const magnet_train_params & p) {
    if (!p.files.model) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "model is NULL.");
    }
    files = {p.files.model,
             text_or_empty(p.files.output),
             text_or_empty(p.files.checkpoint),
             text_or_empty(p.files.metrics),
             text_or_empty(p.files.report),
             text_or_empty(p.files.init_adapter),
             list_of(p.files.texts, p.files.n_texts, "texts"),
             list_of(p.files.heldout_texts, p.files.n_heldout_texts, "heldout_texts"),
             pair_files_of(p.files.pairs, p.files.n_pairs, "pairs"),
             pair_files_of(p.files.heldout_pairs, p.files.n_heldout_pairs, "heldout_pairs"),
             p.files.text_unit,
             p.files.half,
             p.files.overwrite};
    rows                                            = p.rows;
    static_cast<magnet_train_contrast &>(contrast)  = p.contrast;
    contrast.instruction                            = text_or_empty(p.contrast.instruction);
    contrast.document_instruction = p.contrast.document_instruction ? p.contrast.document_instruction : contrast.instruction;
    if (p.contrast.n_dimensions < 0 || (p.contrast.n_dimensions > 0 && !p.contrast.dimensions)) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "dimensions is NULL, or has a negative number of elements.");
    }
    contrast.dimensions.assign(p.contrast.dimensions, p.contrast.dimensions + p.contrast.n_dimensions);
    static_cast<magnet_train_lora &>(lora)          = p.lora;
    lora.targets                                    = list_of(p.lora.targets, p.lora.n_targets, "targets");
    static_cast<magnet_train_optimizer &>(optimizer) = p.optimizer;
    heldout                                         = p.heldout;
    if (p.n_stages < 0 || (p.n_stages > 0 && !p.stages)) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "stages is NULL, or has a negative number of elements.");
    }
    stages.assign(p.stages, p.stages + p.n_stages);
    mask_token       = text_or_empty(p.mask_token);
    seed             = p.seed;
    n_threads        = p.n_threads;
    checkpoint_every = p.checkpoint_every;
    context          = p.context;
    engine           = p.engine;
    n_gpu_layers     = p.n_gpu_layers;
    exact            = p.exact;
    recompute        = p.recompute;
}

std::string options_to_json(const train_options & options) {
    nlohmann::json to = nlohmann::json::object();
    for_each_field(options, [&](const char * name, const auto & value, double, double) { to[name] = value; });
    for_each_text(options, [&](const char * name, const auto & value) { to[name] = value; });
    for_each_pair_list(options, [&](const char * name, const std::vector<pair_file> & files) {
        to[name] = nlohmann::json::array();
        for (const pair_file & f : files) {
            to[name].push_back({f.path, f.share, f.documents, f.mine});
        }
    });
    to["contrast.dimensions"] = options.contrast.dimensions;
    to["stages"]              = nlohmann::json::array();
    for (const train_stage & s : options.stages) {
        to["stages"].push_back({s.steps, s.mntp, s.sscl, s.msg});
    }
    return to.dump();
}

static std::vector<pair_file> pair_files_from(const nlohmann::json & from, const std::string & name) {
    const auto             list = from.find(name);
    std::vector<pair_file> files;
    if (list == from.end() || !list->is_array()) {
        throw error(MAGNET_STATUS_BAD_FILE, name + " is damaged");
    }
    for (const nlohmann::json & f : *list) {
        if (!f.is_array() || f.size() != 4) {
            throw error(MAGNET_STATUS_BAD_FILE, name + " is damaged");
        }
        files.emplace_back();
        take_json(f[0], name, files.back().path);
        take_json(f[1], name, files.back().share);
        take_json(f[2], name, files.back().documents);
        take_json(f[3], name, files.back().mine);
    }
    return files;
}

train_options options_from_json(const std::string & text) {
    const nlohmann::json from = nlohmann::json::parse(text, nullptr, /*allow_exceptions =*/false);
    if (!from.is_object()) {
        throw error(MAGNET_STATUS_BAD_FILE, "the training options are no JSON object");
    }
    train_options options;
    for_each_field(options, [&](const char * name, auto & value, double, double) { take_field(from, name, value); });
    for_each_text(options, [&](const char * name, auto & value) { take_field(from, name, value); });
    for_each_pair_list(options, [&](const char * name, std::vector<pair_file> & files) {
        files = pair_files_from(from, name);
    });
    const auto dimensions = from.find("contrast.dimensions");
    options.contrast.dimensions.resize(dimensions != from.end() && dimensions->is_array() ? dimensions->size() : 0);
    for (size_t i = 0; i < options.contrast.dimensions.size(); ++i) {
        take_json((*dimensions)[i], "contrast.dimensions", options.contrast.dimensions[i]);
    }
    options.stages.clear();
    const auto stages = from.find("stages");
    for (size_t i = 0; stages != from.end() && i < stages->size(); ++i) {
        const nlohmann::json & s = stages->is_array() ? (*stages)[i] : *stages;
        train_stage            stage = {};
        if (!s.is_array() || s.size() != 4) {
            throw error(MAGNET_STATUS_BAD_FILE, "stages is damaged");
        }
        take_json(s[0], "stages", stage.steps);
        take_json(s[1], "stages", stage.mntp);
        take_json(s[2], "stages", stage.sscl);
        take_json(s[3], "stages", stage.msg);
        options.stages.push_back(stage);
    }
    return options;
}

int32_t total_steps(const train_options & options) {
    int32_t steps = 0;
    for (const train_stage & s : options.stages) {
        steps += s.steps;
    }
    return steps;
}

static void check_stages(const std::vector<train_stage> & stages) {
    if (stages.empty()) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "there are no stages; give one.");
    }
    int64_t steps = 0;
    for (size_t i = 0; i < stages.size(); ++i) {
        const train_stage & s    = stages[i];
        const std::string   name = "stages[" + std::to_string(i) + "].";
        require_between(name + "steps", s.steps, 1, INT32_MAX);
        require_between(name + "mntp", s.mntp, 0, 1e6);
        require_between(name + "sscl", s.sscl, 0, 1e6);
        require_between(name + "msg", s.msg, 0, 1e6);
        if (double(s.mntp) + s.sscl + s.msg < 1e-9) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                        name + "mntp, " + name + "sscl and " + name + "msg are all 0: there is nothing to learn.");
        }
        steps += s.steps;
    }
    if (steps > INT32_MAX) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "the stages have " + std::to_string(steps) + " steps together; at most " +
                                                        std::to_string(INT32_MAX) + " can be counted.");
    }
}

// Every file has a share, or none has.
static void check_shares(const std::string & list, const std::vector<pair_file> & files) {
    for (size_t i = 0; i < files.size(); ++i) {
        const std::string name = list + "[" + std::to_string(i) + "].share";
        require_between(name, files[i].share, 0, 1e6);
        if ((files[i].share > 0) != (files[0].share > 0)) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                        name + " is " + std::to_string(files[i].share) + " (" + files[i].path + "), and that of " +
                            files[0].path + " is " + std::to_string(files[0].share) +
                            ": give every file of pairs a share of more than 0, or none, and they are mixed.");
        }
    }
}

void check_options(const train_options & o) {
    for_each_field(o, [](const char * name, const auto & value, double least, double most) {
        require_between(name, value, least, most);
    });
    require(o.rows.span_max >= o.rows.span_min, "rows.span_max", o.rows.span_max,
            "rows.span_min or more, which is " + std::to_string(o.rows.span_min));
    if (double(o.rows.share_hybrid) + o.rows.share_ordered + o.rows.share_causal < 1e-6) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "rows.share_hybrid, rows.share_ordered and rows.share_causal are all 0: "
                                                    "no row would be drawn.");
    }
    require(o.n_threads != 0, "n_threads", o.n_threads, "-1 (physical cores) or in [1, 4096]");
    if (o.rows.keep_base > 0 && o.rows.share_causal == 0) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "rows.keep_base is a share of the rows without a gap, and there are none: "
                                                    "give rows.share_causal more than 0.");
    }
    for (size_t i = 0; i < o.contrast.dimensions.size(); ++i) {
        require_between("contrast.dimensions[" + std::to_string(i) + "]", o.contrast.dimensions[i], 1, 65536);
        require(std::find(o.contrast.dimensions.begin(), o.contrast.dimensions.begin() + (int64_t)i, o.contrast.dimensions[i]) ==
                    o.contrast.dimensions.begin() + (int64_t)i,
                "contrast.dimensions[" + std::to_string(i) + "]", o.contrast.dimensions[i], "a size that was not named before");
    }
    if (!o.contrast.dimensions.empty() && o.contrast.projection > 0) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "contrast.dimensions are sizes of the vector itself, and contrast.projection "
                                                    "puts a head before the loss: leave one of them out.");
    }
    for (const pair_file & file : o.files.heldout_pairs) {
        if (!file.mine.empty()) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT, "files.heldout_pairs are judged by as they are; leave out mine, which is " +
                                                            file.mine + ".");
        }
    }
    check_shares("files.pairs", o.files.pairs);
    check_shares("files.heldout_pairs", o.files.heldout_pairs);
    check_stages(o.stages);
}

} // namespace magnet::train
