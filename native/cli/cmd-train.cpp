#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>

#include <unistd.h>

#include "error.h"
#include "interrupt.h"
#include "model.h"
#include "names.h"
#include "options.h"
#include "progress.h"
#include "terminal.h"
#include "verbs.h"

namespace magnet_cli {

namespace {

const names decay_names{
    {"constant", MAGNET_LR_CONSTANT}, {"linear", MAGNET_LR_LINEAR}, {"cosine", MAGNET_LR_COSINE}};
const names unit_names{
    {"paragraphs", MAGNET_TEXT_PARAGRAPHS}, {"lines", MAGNET_TEXT_LINES}, {"files", MAGNET_TEXT_FILES}};

struct train_command {
    magnet_train_params      params = magnet_train_default_params();
    std::string              model, output, checkpoint, metrics, report, init_adapter, resume;
    std::string              instruction = params.instruction, mask_token = params.mask_token;
    std::vector<std::string> texts, pairs, heldout_texts, heldout_pairs, targets, stages;
    magnet_train_stage       weights       = params.stages[0]; // of the one stage, unless stages are given
    int32_t                  log_level     = MAGNET_LOG_WARN;
    bool                     no_checkpoint = false;
    bool                     dry_run       = false;

    void run();
    void measure(const magnet_train_params & all) const;
};

// What the run says of itself, above and in the bar.
struct train_display {
    progress bar;
    bool     is_terminal;

    static bool on_step(const magnet_train_progress * p, void * user_data);
};

} // namespace

// Each with two spaces behind it; none where a step has no rows of an objective.
static std::string losses(const magnet_train_progress & p) {
    std::string text;
    const auto  add = [&text](const char * name, double value) {
        char part[40];
        std::snprintf(part, sizeof part, "%s %.3f  ", name, value);
        text += std::isnan(value) ? "" : part;
    };
    add("mntp", p.mntp);
    add("sscl", p.sscl);
    add("msg", p.msg);
    return text;
}

// "step 120/400  mntp 4.210  sscl 0.310  msg 3.700  held-out: …  512 tok/s  7:10 left"
bool train_display::on_step(const magnet_train_progress * p, void * user_data) {
    auto &            self = *static_cast<train_display *>(user_data);
    const std::string step = "step " + group_thousands(p->step) + "/" + group_thousands(p->n_steps) + "  " + losses(*p);
    char              pace[80];
    std::snprintf(pace, sizeof pace, "%.0f tok/s  %s left", p->tokens_per_second, clock_text(p->seconds_left).c_str());
    if (!std::isnan(p->heldout_score)) {
        char held[160];
        std::snprintf(held, sizeof held, "held-out %.3f (hybrid %.3f, ordered %.3f, sscl %.3f)%s  ", p->heldout_score,
                      p->heldout_msg_hybrid, p->heldout_msg_ordered, p->heldout_sscl,
                      p->best_step == p->step ? " best" : "");
        self.bar.print(step + held + pace);
    } else if (!self.is_terminal && p->step % 10 == 0) {
        self.bar.print(step + pace);
    }
    self.bar.update(p->step, losses(*p) + pace);
    return !interrupted();
}

// "400:1,1,0.5"
static magnet_train_stage stage_of(const std::string & text) {
    magnet_train_stage stage{};
    int                end = 0;
    if (std::sscanf(text.c_str(), "%d:%f,%f,%f%n", &stage.steps, &stage.mntp, &stage.sscl, &stage.msg, &end) != 4 ||
        static_cast<size_t>(end) != text.size()) {
        throw usage_error("--stage " + text + ": expected STEPS:MNTP,SSCL,MSG, like 400:1,1,0.5");
    }
    return stage;
}

static std::vector<const char *> pointers(const std::vector<std::string> & list) {
    std::vector<const char *> out;
    for (const std::string & item : list) {
        out.push_back(item.c_str());
    }
    return out;
}

static void print_result(const magnet_train_result & result, const std::string & output, const std::string & checkpoint) {
    std::string line = result.stopped ? "stopped at step " + group_thousands(result.step) + "; " : "";
    line += output.empty() ? "the adapter" : output;
    line += result.best_step > 0 ? " holds the best state (step " + group_thousands(result.best_step) + ")"
                                 : " holds the state of step " + group_thousands(result.step);
    if (result.stopped && !checkpoint.empty()) {
        line += "; go on with: magnet train --resume " + checkpoint;
    }
    std::fprintf(stderr, "%s\n", line.c_str());
}

void train_command::measure(const magnet_train_params & all) const {
    magnet_train_estimate x{};
    check(magnet_train_measure(&all, &x));
    std::printf("steps        %s\n", group_thousands(x.n_steps).c_str());
    std::printf("tokens       %s a step, %s in all\n", group_thousands(x.tokens_per_step).c_str(),
                group_thousands(x.tokens_per_step * x.n_steps).c_str());
    std::printf("data         %s text windows, %s pairs an epoch\n", group_thousands(x.n_windows).c_str(),
                group_thousands(x.n_pairs).c_str());
    std::printf("parameters   %s trained\n", group_thousands(x.n_parameters).c_str());
    std::printf("memory       %s MiB at its peak (measured)\n", group_thousands(x.peak_bytes >> 20).c_str());
    std::printf("time         %s (%.2f s a step, %.0f tok/s, measured)\n", clock_text(x.seconds).c_str(),
                x.seconds_per_step, static_cast<double>(x.tokens_per_step) / x.seconds_per_step);
}

static void print_log_line(int32_t level, const char * message, void * user_data) {
    if (level >= *static_cast<const int32_t *>(user_data)) {
        std::fprintf(stderr, "magnet: %s\n", message);
    }
}

void train_command::run() {
    magnet_log_set(print_log_line, &log_level);
    const cancel_scope  scope(nullptr);
    const bool          terminal = is_terminal(STDERR_FILENO);
    magnet_train_result result{};
    if (!resume.empty()) {
        train_display display{{"training", 0}, terminal};
        check(magnet_train_resume(resume.c_str(), train_display::on_step, &display, &result));
        display.bar.finish();
        print_result(result, "", resume);
        return;
    }
    if (model.empty()) {
        throw usage_error("no model is given; name one with -m or set MAGNET_MODEL");
    }
    if (output.empty() && !dry_run) {
        throw usage_error("no output is given; name the adapter with -o");
    }
    if (checkpoint.empty() && !no_checkpoint && !output.empty()) {
        checkpoint = std::filesystem::path(output).replace_extension(".ckpt").string();
    }
    std::vector<magnet_train_stage> plan;
    for (const std::string & text : stages) {
        plan.push_back(stage_of(text));
    }
    if (plan.empty()) {
        plan.push_back(weights);
    }
    int64_t n_steps = 0;
    for (const magnet_train_stage & stage : plan) {
        n_steps += stage.steps;
    }
    const auto text_list = pointers(texts), pair_list = pointers(pairs), target_list = pointers(targets);
    const auto heldout_text_list = pointers(heldout_texts), heldout_pair_list = pointers(heldout_pairs);

    magnet_train_params all = params;
    const auto          optional = [](const std::string & path) { return path.empty() ? nullptr : path.c_str(); };
    all.model                    = model.c_str();
    all.output                   = optional(output);
    all.checkpoint               = optional(checkpoint);
    all.metrics                  = optional(metrics);
    all.report                   = optional(report);
    all.init_adapter             = optional(init_adapter);
    all.instruction              = instruction.c_str();
    all.mask_token               = mask_token.c_str();
    all.texts                    = text_list.data();
    all.n_texts                  = static_cast<int32_t>(text_list.size());
    all.pairs                    = pair_list.data();
    all.n_pairs                  = static_cast<int32_t>(pair_list.size());
    all.heldout_texts            = heldout_text_list.data();
    all.n_heldout_texts          = static_cast<int32_t>(heldout_text_list.size());
    all.heldout_pairs            = heldout_pair_list.data();
    all.n_heldout_pairs          = static_cast<int32_t>(heldout_pair_list.size());
    if (!targets.empty()) {
        all.targets   = target_list.data();
        all.n_targets = static_cast<int32_t>(target_list.size());
    }
    all.stages   = plan.data();
    all.n_stages = static_cast<int32_t>(plan.size());
    if (dry_run) {
        measure(all);
        return;
    }
    train_display display{{"training", n_steps}, terminal};
    all.on_step           = train_display::on_step;
    all.on_step_user_data = &display;
    check(magnet_train(&all, &result));
    display.bar.finish();
    print_result(result, output, checkpoint);
}

void add_train(CLI::App & verb) {
    auto                  command = std::make_shared<train_command>();
    magnet_train_params & p       = command->params;

    option_group data(verb, "Data");
    data.value("--text", command->texts, "FILE ...", "plain text, or .jsonl with \"text\" in each line")->expected(1, -1);
    data.value("--pairs", command->pairs, "FILE ...",
               "TSV of two texts that belong together and, if there is one, a third that does not; or .jsonl")
        ->expected(1, -1);
    data.choice("--text-unit", p.text_unit, unit_names, "what a document is in plain text (default paragraphs)");
    data.value("--heldout-text", command->heldout_texts, "FILE ...", "text to judge by (default: a part of --text)")
        ->expected(1, -1);
    data.value("--heldout-pairs", command->heldout_pairs, "FILE ...", "pairs to judge by (default: a part of --pairs)")
        ->expected(1, -1);
    data.value("--heldout", p.heldout_rows, "N", with_default("text windows, and pairs, kept to judge by", p.heldout_rows));

    option_group files(verb, "Output");
    files.value("-o,--output", command->output, "FILE", "the adapter (GGUF)");
    files.flag("--overwrite", p.overwrite, "replace an adapter that exists");
    files.flag("--half", p.half, "write it in F16");
    files.value("--checkpoint", command->checkpoint, "FILE", "state to go on from (default: the output's name with .ckpt)");
    files.flag("--no-checkpoint", command->no_checkpoint, "write none");
    files.value("--resume", command->resume, "FILE", "go on from a checkpoint, with its options and files");
    files.value("--metrics", command->metrics, "FILE", "losses of each step (JSONL)");
    files.value("--report", command->report, "FILE", "one page with the loss curves (HTML)");
    files.flag("--dry-run", command->dry_run, "measure memory and time on two steps, and write nothing");

    option_group plan(verb, "Plan");
    plan.value("--steps", command->weights.steps, "N", with_default("steps", command->weights.steps));
    plan.value("--mntp", command->weights.mntp, "W", with_default("weight of masked next-token prediction", 1));
    plan.value("--sscl", command->weights.sscl, "W", with_default("weight of the contrastive objective", 1));
    plan.value("--msg", command->weights.msg, "W", with_default("weight of missing-span generation", 1));
    plan.list("--stage", command->stages, "STEPS:MNTP,SSCL,MSG", "several stages instead of the above; repeat it");
    plan.value("--eval-every", p.eval_every, "N", with_default("steps between looks at the held-out loss", p.eval_every));
    plan.value("--checkpoint-every", p.checkpoint_every, "N", with_default("steps between checkpoints", p.checkpoint_every));
    plan.value("--seed", p.seed, "N", with_default("same seed, same result", p.seed));

    option_group lora(verb, "Adapter and optimizer");
    lora.value("--rank", p.rank, "N", with_default("rank of the adapter", p.rank));
    lora.value("--alpha", p.alpha, "X", with_default("its scale is alpha / rank", p.alpha));
    lora.value("--dropout", p.dropout, "P", with_default("dropout on its input", p.dropout));
    lora.value("--targets", command->targets, "NAME,...", "matrices to adapt (default q,k,v,o,gate,up,down)")->delimiter(',');
    lora.value("--init-adapter", command->init_adapter, "FILE", "start from this adapter");
    lora.value("--lr", p.learning_rate, "X", with_default("learning rate", p.learning_rate));
    lora.value("--lr-end", p.learning_rate_end, "X", with_default("share of it at the last step", p.learning_rate_end));
    lora.choice("--decay", p.decay, decay_names, "how it gets there (default cosine)");
    lora.value("--warmup", p.warmup, "N", with_default("steps from 0 to the learning rate", p.warmup));
    lora.value("--weight-decay", p.weight_decay, "X", with_default("decoupled weight decay", p.weight_decay));
    lora.value("--clip", p.clip, "X", with_default("largest gradient norm, 0 = any", p.clip));
    lora.value("--accumulate", p.accumulate, "N", with_default("micro-batches of a step", p.accumulate));

    option_group rows(verb, "Text rows");
    rows.value("--rows", p.rows, "N", with_default("rows of a micro-batch", p.rows));
    rows.value("--length", p.row_length, "N", with_default("tokens of a row, at most", p.row_length));
    rows.value("--spans", p.max_spans, "N", with_default("gaps of a row, at most", p.max_spans));
    rows.value("--span-min", p.span_min, "N", with_default("tokens of a gap, at least", p.span_min));
    rows.value("--span-max", p.span_max, "N", with_default("tokens of a gap, at most", p.span_max));
    rows.value("--sentences", p.sentence_share, "X", with_default("share of rows whose gaps are whole sentences", p.sentence_share));
    rows.value("--open-room", p.open_room, "N",
               with_default("positions of an open gap, which half of them are; 0 = none is", p.open_room));
    rows.value("--share-hybrid", p.share_hybrid, "X", with_default("share of rows with the hybrid mask", p.share_hybrid));
    rows.value("--share-ordered", p.share_ordered, "X", with_default("share with the ordered mask", p.share_ordered));
    rows.value("--share-causal", p.share_causal, "X", with_default("share without gaps", p.share_causal));
    rows.value("--mask-rate", p.mask_rate, "X", with_default("context tokens picked for MNTP", p.mask_rate));
    rows.value("--mask-token", command->mask_token, "TEXT", "what masks a token where the vocabulary has no mask (default _)");
    rows.choice("--context", p.context, context_names(), "infill's default with this adapter (default: what does better)");

    option_group pairs(verb, "Texts to embed");
    pairs.value("--batch-pairs", p.pairs_per_batch, "N", with_default("pairs of a micro-batch", p.pairs_per_batch));
    pairs.value("--pair-length", p.pair_length, "N", with_default("tokens of a text, at most", p.pair_length));
    pairs.choice("--pooling", p.pooling, pooling_names(), "what becomes the vector (default last)");
    pairs.choice("--attention", p.attention, attention_names(), "what its tokens see (default bidirectional)");
    pairs.value("--temperature", p.temperature, "X", with_default("of the contrastive loss", p.temperature));
    pairs.value("--projection", p.projection, "N", with_default("width of a head for training only, 0 = none", p.projection));
    pairs.value("--text-pairs", p.text_pair_share, "X", "share of pairs made of crops of the text (default: all without --pairs, else none)");
    pairs.value("--instruction", command->instruction, "TEXT", "prefix of every text to embed");

    option_group model(verb, "Model");
    model.value("-m,--model", command->model, "FILE", "GGUF file of a decoder (or set MAGNET_MODEL)")->envname("MAGNET_MODEL");
    model.value("-t,--threads", p.n_threads, "N", "threads to compute with (default: physical cores)")->check(between(1, 1024));
    model.choice("--engine", p.engine, engine_names(), "MAGNET's CPU engine, llama.cpp's graph, or what fits best");
    model.value("--gpu-layers", p.n_gpu_layers, "N", "layers to hold on the GPU, -1 = all (default 0)")
        ->check(between(-1, 100000));
    model.flag("--exact", p.exact, "products in F32 instead of bf16");
    model.flag("--recompute", p.recompute, "less memory, slower");
    model.choice("--log-level", command->log_level, log_level_names(), "show log lines of this weight and above (default warn)");
    set_help(verb, "[options] -o FILE",
             "Examples:\n"
             "  magnet train -m model.gguf --text notes/*.txt -o mine.gguf --report mine.html\n"
             "  magnet train -m model.gguf --text wiki.txt --pairs pairs.tsv -o mine.gguf\n"
             "  magnet train --resume mine.ckpt\n"
             "\n"
             "Text serves all objectives, pairs alone make an adapter for embeddings. Ctrl-C keeps what was learned.\n"
             "The adapter holds the state with the lowest held-out loss; llama.cpp's --lora reads it too.");
    verb.callback([command] { command->run(); });
}

} // namespace magnet_cli
