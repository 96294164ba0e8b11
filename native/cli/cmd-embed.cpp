#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "embed-output.h"
#include "error.h"
#include "input.h"
#include "interrupt.h"
#include "model.h"
#include "names.h"
#include "options.h"
#include "progress.h"
#include "terminal.h"
#include "verbs.h"

namespace magnet_cli {

namespace {

struct embed_command {
    model_options              model;
    input_options              input;
    output_options             output;
    int32_t                    format    = 0; // a vector_format
    int32_t                    precision = MAGNET_PRECISION_FLOAT32;
    std::optional<std::string> instruction;
    magnet_embed_params        params       = magnet_embed_default_params();
    bool                       no_normalize = false;
    bool                       no_eos       = false;
    bool                       tokens       = false;
    bool                       similarity   = false;

    void run();
    void run_texts(magnet_session * session, const std::vector<record> & records, vector_writer & writer);
    void run_tokens(magnet_session * session, const std::vector<record> & records, vector_writer & writer);
};

// Texts of one call of the library: enough to pack them well, few enough to stop and write in between.
constexpr size_t texts_per_call = 1024;

} // namespace

void embed_command::run_texts(magnet_session * session, const std::vector<record> & records, vector_writer & writer) {
    const auto           width = static_cast<size_t>(writer.dimensions());
    std::vector<float>   vectors;
    std::vector<int32_t> counts(texts_per_call);
    progress             bar("embedding", static_cast<int64_t>(records.size()), writer.progress_visible());
    params.progress           = progress::callback;
    params.progress_user_data = &bar;
    for (size_t begin = 0; begin < records.size() && !interrupted(); begin += texts_per_call) {
        const size_t             n = std::min(texts_per_call, records.size() - begin);
        std::vector<magnet_text> texts;
        for (size_t i = begin; i < begin + n; ++i) {
            texts.push_back(as_text(records[i].text));
        }
        vectors.resize(n * width);
        bar.offset = static_cast<int64_t>(begin);
        check(magnet_embed(session, texts.data(), static_cast<int32_t>(n), &params, vectors.data(),
                           static_cast<int64_t>(vectors.size()), counts.data()),
              &records[begin], n);
        for (size_t i = 0; i < n; ++i) {
            writer.text(records[begin + i], &vectors[i * width], counts[i]);
        }
        writer.flush();
    }
    bar.finish();
}

void embed_command::run_tokens(magnet_session * session, const std::vector<record> & records, vector_writer & writer) {
    progress bar("embedding", static_cast<int64_t>(records.size()), writer.progress_visible());
    for (size_t i = 0; i < records.size() && !interrupted(); ++i) {
        const magnet_text text = as_text(records[i].text);
        int32_t           n    = 0;
        const auto        call = [&](float * vectors, int32_t * ids, int32_t capacity) {
            check(magnet_embed_tokens(session, text, &params, vectors, ids, capacity, &n), records[i]);
        };
        call(nullptr, nullptr, 0);
        std::vector<float>   vectors(static_cast<size_t>(n) * static_cast<size_t>(writer.dimensions()));
        std::vector<int32_t> ids(static_cast<size_t>(n));
        if (n > 0) {
            call(vectors.data(), ids.data(), n);
        }
        writer.tokens(records[i], vectors.data(), ids);
        writer.flush();
        bar.update(static_cast<int64_t>(i) + 1);
    }
    bar.finish();
}

void embed_command::run() {
    const vector_format how    = choose_format(format, output.as_json, output.path);
    const bool          matrix = how == vector_format::npy || how == vector_format::raw;
    if (matrix && similarity) {
        throw usage_error("--similarity prints text or JSON, no .npy and no raw floats");
    }
    if (similarity && precision != MAGNET_PRECISION_FLOAT32) {
        throw usage_error("--similarity compares the floats; leave --precision out");
    }
    const std::vector<record> records = read_input(input, input_format::lines);
    if (matrix && tokens && records.size() != 1) {
        throw failure("the vectors of the tokens of one text are one matrix, but there are " +
                      std::to_string(records.size()) + " texts; use --json");
    }
    params.instruction = instruction ? instruction->c_str() : nullptr;
    params.normalize   = !no_normalize;
    params.append_eos  = !no_eos;

    const loaded_model loaded  = load_model(model);
    const session_ptr  session = create_session(loaded, model);
    const int32_t      n       = params.dimensions > 0 ? params.dimensions : loaded.info.n_embd;
    const cancel_scope scope({session.get()}); // before the file is begun, which then goes with the return from here
    magnet_cli::output out(output.path);
    vector_writer      writer(out, {how, precision, n}, loaded, records.size(), similarity);
    tokens ? run_tokens(session.get(), records, writer) : run_texts(session.get(), records, writer);
    if (interrupted()) {
        return; // the file, if there is one, would be half of what was asked for
    }
    writer.finish();
    out.close();
}

void add_embed(CLI::App & verb) {
    auto   command = std::make_shared<embed_command>();
    auto & params  = command->params;
    command->input.add_to(verb, "TEXT", "texts, or names of files with a text a line (default: standard input)");

    option_group out = command->output.add_to(verb, "one JSON object a text: its fields, n_tokens, embedding");
    out.choice("--format", command->format, vector_format_names(),
               "default: by the name of the output file, else plain");
    out.choice("--precision", command->precision, precision_names(),
               "fewer bytes: int8 (compare by cosine), binary (by Hamming distance)");
    auto * similarity = out.flag("--similarity", command->similarity, "print the cosines of all pairs, no vectors");

    option_group group(verb, "Embedding");
    group.choice("--pooling", params.pooling, pooling_names(),
                 "tokens that make the vector (default: the adapter's, else mean)");
    group.choice("--attention", params.attention, attention_names(),
                 "what tokens see (default: the adapter's, else bidirectional)");
    group.value("--instruction", command->instruction, "TEXT", "prefix of every text (default: the adapter's)");
    group.flag("--document", params.document,
               "the texts are documents to be found: the adapter's instruction for those");
    group.choice("--truncate", params.truncate, truncate_names(),
                 "keep the head or the tail of a text that is too long (default: error)");
    group.value("--max-tokens", params.max_tokens, "N", "tokens read of a text (default: as many as the model reads)",
                between(1, 1 << 30));
    group.value("--dimensions", params.dimensions, "N", "first numbers of a vector that are kept (default: all)",
                between(1, 1 << 30));
    group.flag("--no-normalize", command->no_normalize, "leave the length of the vectors as it is");
    group.flag("--no-eos", command->no_eos, "do not end texts with the end-of-text token");
    group.flag("--tokens", command->tokens, "a vector for each token instead of one for the text")
        ->excludes(similarity);

    command->model.add_to(verb);
    set_help(verb, "[options] [TEXT ...]",
             "Examples:\n"
             "  magnet embed -m model.gguf --similarity \"A man plays a guitar.\" \"Someone plays music.\"\n"
             "  magnet embed -m model.gguf --json < sentences.txt > vectors.jsonl\n"
             "  magnet embed -m model.gguf --file notes.jsonl -o vectors.npy\n"
             "\n"
             "An argument that names an existing file is read as a file; in scripts say --text or --file. JSONL has\n"
             "its text in the field \"text\"; --json keeps its other fields. Plain output is a line of numbers a text\n"
             "(on a terminal only the first few); raw is little-endian, without a header. With --precision int8 the "
             "largest\n"
             "number of a vector is 127 or -127; binary are bytes of eight bits, 1 where a number is above 0, as\n"
             "numpy.packbits makes them.");
    verb.callback([command] { command->run(); });
}

} // namespace magnet_cli
