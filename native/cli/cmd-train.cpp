#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <sstream>

#include <unistd.h>

#include "../src/base/path.h"
#include "error.h"
#include "files.h"
#include "interrupt.h"
#include "model.h"
#include "names.h"
#include "options.h"
#include "output.h"
#include "pointed.h"
#include "progress.h"
#include "terminal.h"
#include "verbs.h"

namespace magnet_cli {

namespace {

const names decay_names{
    {"constant", MAGNET_LR_CONSTANT}, {"linear", MAGNET_LR_LINEAR}, {"cosine", MAGNET_LR_COSINE}};
const names unit_names{
    {"paragraphs", MAGNET_TEXT_PARAGRAPHS}, {"lines", MAGNET_TEXT_LINES}, {"files", MAGNET_TEXT_FILES}};

// What --pairs names: FILE or FILE:SHARE, and the structs that the library reads.
class pair_files {
public:
    explicit pair_files(const char * kind) : kind(kind) {}

    std::vector<std::string> words;
    std::vector<std::string> of_documents;
    std::string              mine; // file of candidates: of the pairs with documents, or of all where there are none

    // Throws usage_error on a share that is none. They are valid as long as this object.
    void bind(const magnet_train_pairs *& field, int32_t & n);

private:
    void read_word(const std::string & word, bool documents);

    const std::string               kind; // begins the names of the options that fill words and of_documents
    std::vector<std::string>        paths;
    std::vector<float>              shares;
    std::vector<magnet_train_pairs> files;
};

struct train_command {
    magnet_train_params      params = magnet_train_default_params();
    pair_files               pairs{""}, heldout_pairs{"heldout-"};
    pointed_values           own;
    std::string              model, output, checkpoint, resume;
    std::vector<std::string> stages;
    magnet_train_stage       weights       = params.stages[0]; // of the one stage, unless stages are given
    int32_t                  log_level     = MAGNET_LOG_WARN;
    bool                     no_checkpoint = false;
    bool                     dry_run       = false;

    void run();
    void check_resume(const CLI::App & verb) const;
    void measure() const;
};

// What the run says of itself, above and in the bar.
struct train_display {
    progress bar;
    bool     is_terminal;
    // From the first step on, a signal ends the run after the step that computes. Before it there is nothing to keep.
    std::optional<cancel_scope> scope{};

    static bool on_step(const magnet_train_progress * p, void * user_data);
};

} // namespace

void pair_files::read_word(const std::string & word, bool documents) {
    const size_t colon = word.rfind(':');
    float        share = 0;
    const bool   is_file = colon == std::string::npos || std::filesystem::exists(magnet::to_path(word)); // whatever it is called
    if (!is_file && (!parse_float(word.substr(colon + 1), share) || share <= 0 || share > 1e6f)) {
        throw usage_error("--" + kind + (documents ? "search-pairs " : "pairs ") + word +
                          ": expected FILE, which must exist, or FILE:SHARE with a share in (0, 1000000], like pairs.tsv:0.3");
    }
    paths.push_back(is_file ? word : word.substr(0, colon));
    shares.push_back(share);
}

void pair_files::bind(const magnet_train_pairs *& field, int32_t & n) {
    for (const std::string & word : words) {
        read_word(word, false);
    }
    for (const std::string & word : of_documents) {
        read_word(word, true);
    }
    if (!mine.empty() && paths.empty()) {
        throw usage_error("--mine " + mine + ": there are no pairs to mine negatives for; name some with --search-pairs");
    }
    for (size_t i = 0; i < paths.size(); ++i) {
        const bool documents = i >= words.size(), mines = !mine.empty() && (documents || of_documents.empty());
        files.push_back({paths[i].c_str(), mines ? mine.c_str() : nullptr, shares[i], documents});
    }
    field = files.data();
    n     = static_cast<int32_t>(files.size());
}

// "mntp 4.210  sscl 0.310", without those that there are no rows for.
static std::string joined(const std::vector<std::pair<const char *, double>> & losses, const char * between) {
    std::string text;
    for (const auto & [name, value] : losses) {
        char part[40];
        std::snprintf(part, sizeof part, "%s %.3f", name, value);
        text += std::isnan(value) ? "" : (text.empty() ? "" : between) + std::string(part);
    }
    return text;
}

static std::string losses(const magnet_train_progress & p) {
    return joined({{"mntp", p.mntp}, {"sscl", p.sscl}, {"msg", p.msg}, {"base", p.base}}, "  ") + "  ";
}

// "held-out 3.512 (hybrid 3.600, ordered 3.400, sscl 0.200) best  "
static std::string heldout(const magnet_train_progress & p) {
    const std::string parts =
        joined({{"hybrid", p.heldout_msg_hybrid}, {"ordered", p.heldout_msg_ordered}, {"sscl", p.heldout_sscl}}, ", ");
    return joined({{"held-out", p.heldout_score}}, "") + (parts.empty() ? "" : " (" + parts + ")") +
           (p.best_step == p.step ? " best  " : "  ");
}

// "step 120/400  mntp 4.210  sscl 0.310  msg 3.700  held-out: …  512 tok/s  7:10 left"
bool train_display::on_step(const magnet_train_progress * p, void * user_data) {
    auto & self = *static_cast<train_display *>(user_data);
    if (!self.scope) {
        self.scope.emplace(std::vector<magnet_session *>{});
    }
    const std::string step = "step " + group_thousands(p->step) + "/" + group_thousands(p->n_steps) + "  " + losses(*p);
    char              pace[80];
    std::snprintf(pace, sizeof pace, "%.0f tok/s  %s left", p->tokens_per_second, clock_text(p->seconds_left).c_str());
    if (!std::isnan(p->heldout_score)) {
        self.bar.print(step + heldout(*p) + pace);
    } else if (!self.is_terminal && p->step % 10 == 0) {
        self.bar.print(step + pace);
    }
    self.bar.update(p->step, losses(*p) + pace);
    return !interrupted();
}

// "" if it is not set.
static std::string from_environment(const std::string & variable) {
    const char * value = variable.empty() ? nullptr : std::getenv(variable.c_str());
    return value ? value : "";
}

// "400:1,1,0.5"
static magnet_train_stage stage_of(const std::string & text) {
    magnet_train_stage stage{};
    std::istringstream parts(text);
    std::string        steps, mntp, sscl, msg;
    const bool         whole = std::getline(parts, steps, ':') && std::getline(parts, mntp, ',') &&
                       std::getline(parts, sscl, ',') && std::getline(parts, msg);
    const auto         weight = [](const std::string & word, float & out) {
        return parse_float(word, out) && out >= 0 && out <= 1e6f;
    };
    if (!whole || !parse_whole(steps, stage.steps) || stage.steps < 1 || !weight(mntp, stage.mntp) ||
        !weight(sscl, stage.sscl) || !weight(msg, stage.msg) || stage.mntp + stage.sscl + stage.msg <= 0) {
        throw usage_error("--stage " + text + ": expected STEPS:MNTP,SSCL,MSG, like 400:1,1,0.5, with 1 or more steps and "
                          "weights in [0, 1000000], not all of them 0");
    }
    return stage;
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

void train_command::measure() const {
    magnet_train_estimate x{};
    check(magnet_train_measure(&params, &x));
    std::printf("steps        %s\n", group_thousands(x.n_steps).c_str());
    std::printf("tokens       %s a step, %s in all\n", group_thousands(x.tokens_per_step).c_str(),
                group_thousands(x.tokens_per_step * x.n_steps).c_str());
    std::printf("data         %s text windows, %s pairs an epoch\n", group_thousands(x.n_windows).c_str(),
                group_thousands(x.n_pairs).c_str());
    std::printf("parameters   %s trained\n", group_thousands(x.n_parameters).c_str());
    std::printf("memory       %s MiB at its peak (measured)\n", group_thousands(x.peak_bytes >> 20).c_str());
    std::printf("time         %s (%.2f s a step, %.0f tok/s, measured)\n", clock_text(x.seconds).c_str(),
                x.seconds_per_step, static_cast<double>(x.tokens_per_step) / x.seconds_per_step);
    magnet_cli::output("").close(); // a full disk is a failure
}

// A run that goes on has its own options and files: others would be ignored.
void train_command::check_resume(const CLI::App & verb) const {
    std::string ignored;
    for (const CLI::Option * option : verb.get_options()) {
        const std::string name = option->get_name();
        const bool        ours = name == "--resume" || name == "--log-level" || name == "--help" || name == "-h,--help";
        if (option->count() > 0 && !ours && !(option->results() == CLI::results_t{from_environment(option->get_envname())})) {
            ignored += (ignored.empty() ? "" : ", ") + name;
        }
    }
    if (!resume.empty() && !ignored.empty()) {
        throw usage_error("--resume goes on with the options and files of its checkpoint; leave out " + ignored);
    }
}

void train_command::run() {
    show_log(log_level);
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
    if (output == "-") {
        throw usage_error("an adapter does not go to standard output; name a file with -o");
    }
    if (checkpoint.empty() && !no_checkpoint && !output.empty()) {
        checkpoint = magnet::to_utf8(magnet::to_path(output).replace_extension(".ckpt"));
    }
    check_replaceable(output, params.files.overwrite);
    if (!params.files.overwrite && !checkpoint.empty() && std::filesystem::is_regular_file(magnet::to_path(checkpoint))) {
        throw failure(checkpoint + " exists already, perhaps of a run that was stopped; go on with it by --resume, name another file, or "
                                   "allow it to be replaced with --overwrite");
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
    own.bind();
    pairs.bind(params.files.pairs, params.files.n_pairs);
    heldout_pairs.bind(params.files.heldout_pairs, params.files.n_heldout_pairs);
    if (params.files.n_texts + params.files.n_pairs == 0) {
        throw usage_error("there is nothing to train on; give --text or --pairs");
    }
    const auto optional     = [](const std::string & path) { return path.empty() ? nullptr : path.c_str(); };
    params.files.model      = model.c_str();
    params.files.output     = optional(output);
    params.files.checkpoint = optional(checkpoint);
    params.stages           = plan.data();
    params.n_stages         = static_cast<int32_t>(plan.size());
    if (dry_run) {
        measure();
        return;
    }
    train_display display{{"training", n_steps}, terminal};
    params.on_step           = train_display::on_step;
    params.on_step_user_data = &display;
    check(magnet_train(&params, &result));
    display.bar.finish();
    print_result(result, output, checkpoint);
}

static void add_data(CLI::App & verb, train_command & command) {
    magnet_train_params & p   = command.params;
    pointed_values &      own = command.own;
    option_group          group(verb, "Data");
    group.value("--text", own.texts(p.files.texts, p.files.n_texts), "FILE ...", "plain text, or .jsonl with \"text\" in each line")->expected(1, -1);
    group.value("--pairs", command.pairs.words, "FILE[:SHARE] ...",
                "TSV of two texts that belong together, and a third that does not; or .jsonl")
        ->expected(1, -1);
    group.value("--search-pairs", command.pairs.of_documents, "FILE[:SHARE] ...",
                "the same of queries and the documents that they are to find")
        ->expected(1, -1);
    group.value("--mine", command.pairs.mine, "FILE",
                "texts, one a line or .jsonl, to mine hard negatives of --search-pairs from");
    group.choice("--text-unit", p.files.text_unit, unit_names, "what a document is in plain text (default paragraphs)");
    group.value("--heldout-text", own.texts(p.files.heldout_texts, p.files.n_heldout_texts), "FILE ...", "text to judge by (default: a part of --text)")
        ->expected(1, -1);
    group.value("--heldout-pairs", command.heldout_pairs.words, "FILE[:SHARE] ...", "pairs to judge by (default: a part of --pairs)")
        ->expected(1, -1);
    group.value("--heldout-search-pairs", command.heldout_pairs.of_documents, "FILE[:SHARE] ...", "the same of queries and documents")
        ->expected(1, -1);
    group.value("--heldout", p.heldout.rows, "N", with_default("text windows, and pairs, kept to judge by", p.heldout.rows));
}

static void add_files(CLI::App & verb, train_command & command) {
    magnet_train_params & p   = command.params;
    pointed_values &      own = command.own;
    option_group          group(verb, "Output");
    group.value("-o,--output", command.output, "FILE", "the adapter (GGUF)");
    group.flag("--overwrite", p.files.overwrite, "replace an adapter, checkpoint, metrics or report that exists");
    group.flag("--half", p.files.half, "write it in F16");
    CLI::Option * checkpoint =
        group.value("--checkpoint", command.checkpoint, "FILE", "state to go on from (default: the output's name with .ckpt)");
    group.flag("--no-checkpoint", command.no_checkpoint, "write none")->excludes(checkpoint);
    group.value("--resume", command.resume, "FILE", "go on from a checkpoint, with its options and files");
    group.value("--metrics", own.text(p.files.metrics), "FILE", "losses of each step (JSONL)");
    group.value("--report", own.text(p.files.report), "FILE", "one page with the loss curves (HTML)");
    group.flag("--dry-run", command.dry_run, "measure memory and time on two steps, and write nothing");
}

static void add_plan(CLI::App & verb, train_command & command) {
    magnet_train_params & p = command.params;
    option_group          group(verb, "Plan");
    group.value("--steps", command.weights.steps, "N", with_default("steps", command.weights.steps));
    group.value("--mntp", command.weights.mntp, "W", with_default("weight of masked next-token prediction", 1));
    group.value("--sscl", command.weights.sscl, "W", with_default("weight of the contrastive objective", 1));
    group.value("--msg", command.weights.msg, "W", with_default("weight of missing-span generation", 1));
    CLI::Option * stage =
        group.list("--stage", command.stages, "STEPS:MNTP,SSCL,MSG", "several stages instead of the above; repeat it");
    for (const char * const one : {"--steps", "--mntp", "--sscl", "--msg"}) {
        stage->excludes(verb.get_option(one));
    }
    group.value("--heldout-every", p.heldout.every, "N", with_default("steps between looks at the held-out loss", p.heldout.every));
    group.value("--checkpoint-every", p.checkpoint_every, "N", with_default("steps between checkpoints", p.checkpoint_every));
    group.value("--seed", p.seed, "N", with_default("same seed, same result", p.seed));
}

static void add_lora(CLI::App & verb, train_command & command) {
    magnet_train_params & p   = command.params;
    pointed_values &      own = command.own;
    option_group          group(verb, "Adapter and optimizer");
    CLI::Option * rank  = group.value("--rank", p.lora.rank, "N", with_default("rank of the adapter", p.lora.rank));
    CLI::Option * alpha = group.value("--alpha", p.lora.alpha, "X", with_default("its scale is alpha / rank", p.lora.alpha));
    group.value("--dropout", p.lora.dropout, "P", with_default("dropout on its input", p.lora.dropout));
    CLI::Option * targets = group.value("--targets", own.texts(p.lora.targets, p.lora.n_targets), "NAME,...",
                                        "matrices to adapt (default q,k,v,o,gate,up,down)");
    targets->delimiter(',');
    group.value("--init-adapter", own.text(p.files.init_adapter), "FILE", "start from this adapter, with its rank, alpha and targets")
        ->excludes(rank)
        ->excludes(alpha)
        ->excludes(targets);
    group.value("--learning-rate", p.optimizer.learning_rate, "X", with_default("learning rate", p.optimizer.learning_rate));
    group.value("--learning-rate-end", p.optimizer.learning_rate_end, "X", with_default("share of it at the last step", p.optimizer.learning_rate_end));
    group.choice("--decay", p.optimizer.decay, decay_names, "how it gets there (default cosine)");
    group.value("--warmup", p.optimizer.warmup, "N", with_default("steps from 0 to the learning rate", p.optimizer.warmup));
    group.value("--weight-decay", p.optimizer.weight_decay, "X", with_default("decoupled weight decay", p.optimizer.weight_decay));
    group.value("--clip", p.optimizer.clip, "X", with_default("largest gradient norm, 0 = any", p.optimizer.clip));
    group.value("--average", p.optimizer.average, "X",
                with_default("write the mean over the last share of the steps, 0 = none", p.optimizer.average));
    group.value("--accumulate", p.optimizer.accumulate, "N", with_default("micro-batches of a step", p.optimizer.accumulate));
}

static void add_rows(CLI::App & verb, train_command & command) {
    magnet_train_params & p   = command.params;
    pointed_values &      own = command.own;
    option_group          group(verb, "Text rows");
    group.value("--batch", p.rows.batch, "N", with_default("rows of a micro-batch", p.rows.batch));
    group.value("--length", p.rows.length, "N", with_default("tokens of a row, at most", p.rows.length));
    group.value("--max-spans", p.rows.max_spans, "N", with_default("gaps of a row, at most", p.rows.max_spans));
    group.value("--span-min", p.rows.span_min, "N", with_default("tokens of a gap, at least", p.rows.span_min));
    group.value("--span-max", p.rows.span_max, "N", with_default("tokens of a gap, at most", p.rows.span_max));
    group.value("--sentence-share", p.rows.sentence_share, "X", with_default("share of rows whose gaps are whole sentences", p.rows.sentence_share));
    group.value("--open-room", p.rows.open_room, "N",
                with_default("positions of an open gap; half of the gaps are, with 0 none", p.rows.open_room));
    group.value("--share-hybrid", p.rows.share_hybrid, "X", with_default("share of rows with the hybrid mask", p.rows.share_hybrid));
    group.value("--share-ordered", p.rows.share_ordered, "X", with_default("share with the ordered mask", p.rows.share_ordered));
    group.value("--share-causal", p.rows.share_causal, "X", with_default("share without gaps", p.rows.share_causal));
    group.value("--keep-base", p.rows.keep_base, "X",
                with_default("share of rows without gaps that learn what the bare model predicts", p.rows.keep_base));
    group.value("--mask-rate", p.rows.mask_rate, "X", with_default("context tokens picked for MNTP", p.rows.mask_rate));
    group.value("--mask-token", own.text(p.mask_token), "TEXT", "what masks a token where the vocabulary has no mask (default _)");
    group.choice("--context", p.context, trained_context_names(), "infill's default with this adapter (default: what does better)");
}

static void add_pairs(CLI::App & verb, train_command & command) {
    magnet_train_params & p   = command.params;
    pointed_values &      own = command.own;
    option_group          group(verb, "Texts to embed");
    group.value("--pair-batch", p.contrast.batch, "N", with_default("pairs of a micro-batch", p.contrast.batch));
    group.value("--pair-length", p.contrast.length, "N", with_default("tokens of a text, at most", p.contrast.length));
    group.choice("--pooling", p.contrast.pooling, pooling_names(), "what becomes the vector (default last)");
    group.choice("--attention", p.contrast.attention, attention_names(), "what its tokens see (default bidirectional)");
    group.value("--temperature", p.contrast.temperature, "X", with_default("of the contrastive loss", p.contrast.temperature));
    group.value("--margin", p.contrast.margin, "X",
                with_default("another pair's text that is nearer by this cosine is no negative", p.contrast.margin));
    group.value("--mine-margin", p.contrast.mine_margin, "X",
                with_default("a mined negative is farther than the answer by this cosine", p.contrast.mine_margin))
        ->needs(verb.get_option("--mine"));
    group.value("--dimensions", own.list(p.contrast.dimensions, p.contrast.n_dimensions), "N,...",
                "sizes at which the beginning of a vector is to serve as one, beside the whole")->delimiter(',');
    group.value("--projection", p.contrast.projection, "N", with_default("width of a head for training only, 0 = none", p.contrast.projection));
    group.value("--text-share", p.contrast.text_share, "X", "share of pairs that are crops of text (default: all without --pairs, else 0)");
    group.value("--instruction", own.text(p.contrast.instruction), "TEXT", "prefix of every text to embed");
    group.value("--document-instruction", own.text(p.contrast.document_instruction), "TEXT",
                "prefix of the documents of --search-pairs (default: the same)");
}

static void add_model(CLI::App & verb, train_command & command) {
    magnet_train_params & p = command.params;
    option_group          group(verb, "Model");
    group.value("-m,--model", command.model, "FILE", "GGUF file of a decoder (or set MAGNET_MODEL)")->envname("MAGNET_MODEL");
    group.value("-t,--threads", p.n_threads, "N", "threads to compute with (default: physical cores)", between(1, most_threads));
    group.choice("--engine", p.engine, engine_names(), "MAGNET's CPU engine, llama.cpp's graph, or what fits best");
    group.value("--gpu-layers", p.n_gpu_layers, "N", "layers to hold on the GPU, -1 = all (default 0)", between(-1, 100000));
    group.flag("--exact", p.exact, "products in F32 instead of bf16");
    group.flag("--recompute", p.recompute, "less memory, slower");
    group.choice("--log-level", command.log_level, log_level_names(), "show log lines of this weight and above (default warn)");
}

void add_train(CLI::App & verb) {
    auto command = std::make_shared<train_command>();
    add_data(verb, *command);
    add_files(verb, *command);
    add_plan(verb, *command);
    add_lora(verb, *command);
    add_rows(verb, *command);
    add_pairs(verb, *command);
    add_model(verb, *command);
    set_help(verb, "[options] -o FILE",
             "Examples:\n"
             "  magnet train -m model.gguf --text notes/*.txt -o mine.gguf --report mine.html\n"
             "  magnet train -m model.gguf --text wiki.txt --pairs pairs.tsv -o mine.gguf\n"
             "  magnet train --resume mine.ckpt\n"
             "\n"
             "Text serves all objectives, pairs alone make an adapter for embeddings. Ctrl-C keeps what was learned.\n"
             "The adapter holds the state with the lowest held-out loss; llama.cpp's --lora reads it too.");
    verb.callback([command, &verb] {
        command->check_resume(verb);
        command->run();
    });
}

} // namespace magnet_cli
