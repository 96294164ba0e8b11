#include "run.h"

#include "base/atomic-file.h"
#include "base/distinct-files.h"
#include "base/error.h"
#include "base/file-identity.h"
#include "base/gguf-file.h"
#include "base/log.h"

#include <algorithm>

namespace magnet::train {

train_vocab make_train_vocab(const std::shared_ptr<model> & m, const std::string & mask_token) {
    const llama_vocab * vocab = m->vocab();
    train_vocab         v;
    v.tokenize = [m](const std::string & text, bool begins) {
        return begins ? m->tokenize(text, false, false) : m->tokenize_continuation(text);
    };
    v.bos        = llama_vocab_bos(vocab);
    v.bos_always = llama_vocab_get_add_bos(vocab) && v.bos >= 0;
    v.eos        = llama_vocab_eos(vocab);
    v.end        = v.eos;
    v.mask       = llama_vocab_mask(vocab);
    if (v.mask < 0) {
        const std::vector<int32_t> tokens = m->tokenize_continuation(mask_token);
        if (tokens.size() != 1) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT, "mask_token is \"" + mask_token + "\", which is " +
                                                            std::to_string(tokens.size()) +
                                                            " tokens in this vocabulary; name a text that is one.");
        }
        v.mask = tokens.front();
    }
    for (int32_t t = 0; t < m->n_vocab(); ++t) {
        if (llama_vocab_get_attr(vocab, t) & LLAMA_TOKEN_ATTR_NORMAL) {
            v.plain.push_back(t);
        }
    }
    if (v.plain.empty()) {
        throw error(MAGNET_STATUS_UNSUPPORTED, m->path() + " has no ordinary text tokens in its vocabulary.");
    }
    return v;
}

// needs_all: a file that holds nothing is an error; else a warning.
static corpus read_corpus(const std::vector<std::string> & texts, const std::vector<pair_file> & pairs,
                          const train_options & options, const train_vocab & vocab, bool needs_all) {
    corpus     c;
    const auto check = [&](const std::string & path, bool holds_any, const char * what) {
        if (!holds_any && needs_all) {
            throw error(MAGNET_STATUS_BAD_FILE, path + " is held out, and holds no " + what + ".");
        }
        if (!holds_any) {
            log_message(MAGNET_LOG_WARN, path + " holds no " + what);
        }
    };
    for (const std::string & path : texts) {
        const size_t before = c.documents.size();
        read_texts(path, options.files.text_unit, vocab, c);
        check(path, c.documents.size() > before, "text");
    }
    for (const pair_file & file : pairs) {
        if (file.share > 0) { // else all are mixed
            c.sources.push_back({file.path, file.share});
        }
        const std::string & before = file.documents ? options.contrast.document_instruction : options.contrast.instruction;
        const size_t n_before = c.pairs.size();
        read_pairs(file.path, vocab, {options.contrast.instruction.empty(), before.empty(), file.documents, file.mine}, c);
        check(file.path, c.pairs.size() > n_before, "pair");
    }
    return c;
}

// Is there a place to write to? Better known before an hour of work.
static void check_output(const std::string & path, bool overwrite) {
    atomic_file probe(path); // first: what is no file cannot be replaced either
    if (!overwrite && file_exists(path)) {
        throw error(MAGNET_STATUS_IO, path + " exists already; name another file, or allow it to be replaced.");
    }
}

static void check_files(const train_options & o, bool resumes) {
    std::vector<named_file> reads = {{"the model", o.files.model}, {"the adapter to start from", o.files.init_adapter}};
    const auto              add   = [&reads](const char * name, const std::vector<std::string> & paths) {
        for (const std::string & path : paths) {
            reads.push_back({name, path});
        }
    };
    const auto paths_of = [](const std::vector<pair_file> & files) {
        std::vector<std::string> paths;
        for (const pair_file & file : files) {
            paths.push_back(file.path);
        }
        for (const pair_file & file : files) {
            if (!file.mine.empty()) {
                paths.push_back(file.mine);
            }
        }
        return paths;
    };
    add("a text", o.files.texts);
    add("a file of pairs", paths_of(o.files.pairs));
    add("a held-out text", o.files.heldout_texts);
    add("a file of held-out pairs", paths_of(o.files.heldout_pairs));
    if (resumes) { // a run that goes on may have started from what it writes
        reads[1].path.clear();
    }
    check_distinct(reads, {{"the output", o.files.output}, {"the checkpoint", o.files.checkpoint}, {"the file of metrics", o.files.metrics},
                           {"the report", o.files.report}});
}

static void check_outputs(const train_options & o) {
    for (const std::string & path : {o.files.output, o.files.checkpoint, o.files.metrics, o.files.report}) {
        if (!path.empty()) {
            check_output(path, o.files.overwrite);
        }
    }
}

// The fused engine where it covers the model and nothing is to lie on a GPU, unless the options name one.
static std::unique_ptr<engine> make_train_engine(const train_options & o) {
    const engine_precision precision = o.exact ? engine_precision::f32 : engine_precision::bf16;
    const bool             on_gpu    = uses_gpu(o.n_gpu_layers);
    std::string            why       = "the fused engine leaves GPUs alone";
    const bool             covered   = !on_gpu && fused_engine_covers(o.files.model, why);
    if (o.engine == MAGNET_ENGINE_FUSED && !covered) {
        throw error(MAGNET_STATUS_UNSUPPORTED, o.files.model + ": " + why + "; use the graph engine.");
    }
    if (o.engine != MAGNET_ENGINE_GRAPH && covered) {
        fused_engine_params params;
        params.n_threads = std::max(o.n_threads, 0);
        params.precision = precision;
        params.recompute = o.recompute;
        return make_fused_engine(o.files.model, params);
    }
    if (o.recompute) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "recompute is true, which only the fused engine can: the graph engine "
                                                    "keeps one pass of short rows at a time and cannot do with less.");
    }
    graph_engine_params params;
    params.n_threads    = std::max(o.n_threads, 0);
    params.n_gpu_layers = o.n_gpu_layers;
    params.precision    = precision;
    return make_graph_engine(o.files.model, params);
}

// An instruction that would stand before nothing.
static void check_documents(const train_options & o) {
    const auto has_documents = [](const pair_file & file) { return file.documents; };
    if (o.contrast.document_instruction != o.contrast.instruction &&
        std::none_of(o.files.pairs.begin(), o.files.pairs.end(), has_documents)) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "contrast.document_instruction is given, and no file of pairs has documents: "
                                                    "say which do.");
    }
}

training::training(const train_options & options, bool writes, bool resumes) : options_(options) {
    check_options(options_);
    check_documents(options_);
    if (writes && options_.files.output.empty()) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "no output is named: where should the adapter go?");
    }
    check_files(options_, resumes); // of an estimate too: it says what the run would
    check_outputs(options_);
    model_ = model::load_vocabulary(options_.files.model);
    vocab_ = make_train_vocab(model_, options_.mask_token);
    data_  = read_corpus(options_.files.texts, options_.files.pairs, options_, vocab_, false);
    held_  = options_.files.heldout_texts.empty() && options_.files.heldout_pairs.empty()
                 ? split_heldout(data_, options_)
                 : read_corpus(options_.files.heldout_texts, options_.files.heldout_pairs, options_, vocab_, true);

    engine_          = make_train_engine(options_);
    if (engine_->shape().n_vocab != model_->n_vocab()) { // the vocabulary was read without the weights
        throw error(MAGNET_STATUS_BAD_FILE, options_.files.model + " is damaged: tokenizer.ggml.tokens has " +
                                                std::to_string(model_->n_vocab()) + " tokens, token_embd.weight " +
                                                std::to_string(engine_->shape().n_vocab) + ".");
    }
    trainer_         = std::make_unique<trainer>(*engine_, vocab_, data_, held_, options_);
    if (writes && !options_.files.checkpoint.empty()) {
        trainer_->set_base(file_identity(options_.files.model).digest());
    }
    log_message(MAGNET_LOG_INFO, engine_->describe());
    for (const std::string & note : trainer_->notes()) {
        log_message(MAGNET_LOG_WARN, note);
    }
}

train_estimate training::estimate() {
    const train_estimate x = trainer_->estimate();
    log_message(MAGNET_LOG_INFO, engine_->describe());
    return x;
}

// What a run goes on to replace must be what it wrote.
static void check_own_adapter(const std::string & path) {
    if (!file_exists(path)) {
        return;
    }
    try {
        if (gguf_reader(path).text("general.type") == "adapter") {
            return;
        }
    } catch (const error &) { // something else
    }
    throw error(MAGNET_STATUS_IO, path + ", where the run's adapter goes, is no adapter; move it away, or it would be lost.");
}

std::unique_ptr<training> training::resume(const std::string & path) {
    checkpoint    from    = load_checkpoint(path);
    train_options options = from.options;
    options.files.checkpoint    = path; // it may have been moved
    options.files.overwrite     = true; // its own adapter
    check_own_adapter(options.files.output);
    try {
        auto t = std::make_unique<training>(options, /*writes =*/true, /*resumes =*/true);
        t->trainer_->restore(std::move(from));
        return t;
    } catch (const error & e) {
        if (e.status != MAGNET_STATUS_IO) {
            throw;
        }
        throw error(e.status, path + " goes on with the files that it names, by the paths of its run: " + e.what());
    }
}

} // namespace magnet::train
