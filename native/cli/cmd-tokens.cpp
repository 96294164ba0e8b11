#include <charconv>
#include <memory>

#include "error.h"
#include "input.h"
#include "model.h"
#include "options.h"
#include "terminal.h"
#include "verbs.h"

namespace magnet_cli {

namespace {

struct tokens_command {
    model_options  model;
    input_options  input;
    output_options output;
    bool           ends    = false;
    bool           special = false;
    bool           ids     = false;
    bool           count   = false;
    bool           decode  = false;

    void run();
    void show(const loaded_model & loaded, const record & from, magnet_cli::output & out) const;
};

} // namespace

static std::vector<int32_t> parse_ids(const record & from, int32_t n_vocab) {
    std::vector<int32_t> tokens;
    const std::string &  text = from.text;
    for (size_t at = 0; (at = text.find_first_not_of(" \t,", at)) != std::string::npos;) {
        int32_t    id   = 0;
        const auto read = std::from_chars(text.data() + at, text.data() + text.size(), id);
        if (read.ec != std::errc() || id < 0 || id >= n_vocab) {
            const std::string word = text.substr(at, text.find_first_of(" \t,", at) - at);
            throw failure(from.where() + ": not a token id: " + quote(shorten(word, 20)) + "; this vocabulary has 0 to " +
                          std::to_string(n_vocab - 1));
        }
        tokens.push_back(id);
        at = static_cast<size_t>(read.ptr - text.data());
    }
    return tokens;
}

void tokens_command::show(const loaded_model & loaded, const record & from, magnet_cli::output & out) const {
    const magnet_model * of     = loaded.model.get();
    const auto           tokens = decode ? parse_ids(from, loaded.info.n_vocab) : tokenize(of, from.text, ends, special);
    const auto           n      = static_cast<int32_t>(tokens.size());
    if (output.as_json) {
        json object        = from.fields.is_object() ? from.fields : json{{"text", from.text}};
        object["n_tokens"] = n;
        object["tokens"]   = json::array();
        for (const int32_t token : tokens) {
            object["tokens"].push_back({{"id", token}, {"text", token_name(of, token)}});
        }
        out.json_line(object);
    } else if (decode) {
        out.line(read_text([&](char * buffer, int32_t capacity, int32_t * size) {
            return magnet_detokenize(of, tokens.data(), n, true, buffer, capacity, size);
        }));
    } else if (count) {
        out.line(std::to_string(n));
    } else if (ids) {
        std::string line;
        for (const int32_t token : tokens) {
            line += (line.empty() ? "" : " ") + std::to_string(token);
        }
        out.line(line);
    } else {
        for (const int32_t token : tokens) {
            const std::string bytes = token_bytes(of, token);
            out.line(pad(std::to_string(token), 7, true) + "  " + quote(bytes.empty() ? token_name(of, token) : bytes));
        }
    }
}

void tokens_command::run() {
    const std::vector<record> records = read_input(input, input_format::lines);
    const loaded_model        loaded  = load_model(model);
    magnet_cli::output        out(output.path);
    for (size_t i = 0; i < records.size(); ++i) {
        if (i > 0 && !output.as_json && !ids && !count && !decode) {
            out.line(""); // between the lists of two texts
        }
        show(loaded, records[i], out);
    }
    out.close();
}

void add_tokens(CLI::App & verb) {
    auto command = std::make_shared<tokens_command>();
    command->input.add_to(verb, "TEXT", "texts, or names of files with a text a line (default: standard input)");
    command->output.add_to(verb, "one JSON object a text: ids and texts of its tokens");

    option_group group(verb, "Tokens");
    auto *       ids   = group.flag("--ids", command->ids, "print ids only, those of a text on one line");
    auto *       count = group.flag("--count", command->count, "print how many tokens each text has")->excludes(ids);
    auto * decode = group.flag("--decode", command->decode, "the other way: the text of the ids that are given")
                        ->excludes(ids)
                        ->excludes(count);
    group.flag("--ends", command->ends, "add the tokens that begin and end a text, as the model asks for")->excludes(decode);
    group.flag("--special", command->special, "read <|im_end|> and its like as control tokens, not as plain text");

    command->model.add_to(verb);
    set_help(verb, "[options] [TEXT ...]",
             "Examples:\n"
             "  magnet tokens -m model.gguf \"Tom lost his keys.\"\n"
             "  magnet tokens -m model.gguf --count --file notes.txt\n"
             "  magnet tokens -m model.gguf --ids \"Tom lost\" | magnet tokens -m model.gguf --decode\n"
             "\n"
             "Half characters show as \\xNN.");
    verb.callback([command] { command->run(); });
}

} // namespace magnet_cli
