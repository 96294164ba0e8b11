#include <memory>

#include "error.h"
#include "input.h"
#include "interrupt.h"
#include "model.h"
#include "names.h"
#include "options.h"
#include "result.h"
#include "sampling.h"
#include "template.h"
#include "terminal.h"
#include "verbs.h"

namespace magnet_cli {

namespace {

struct infill_command {
    model_options        model;
    input_options        input;
    output_options       output;
    sampling_options     sampling;
    magnet_infill_params params     = magnet_infill_default_params();
    int32_t              length     = 0;
    int32_t              candidates = 1;
    bool                 full       = false;
    bool                 keep_spaces = false;

    void run();
    void run_template(magnet_session * session, const loaded_model & loaded, const record & from, const pieces & all,
                      magnet_cli::output & out);
};

// Prints the fills as they come; with the text around them if full.
class infill_stream {
public:
    infill_stream(output & out, const pieces & all, bool full) : out(out), all(all), full(full), stream(out, !full) {}

    // Text goes into gap `part`: what stands before it comes first.
    void reach(size_t part) {
        for (; at < part; ++at) {
            if (full && !all[at].gap) {
                out.write(all[at].text);
            } else if (!full && all[at].gap) { // the fills of several gaps: a line each
                out.write("\n");
                stream.begin_again();
            }
        }
    }

    void put(const magnet_token_event & event) {
        reach(static_cast<size_t>(event.part));
        stream.put({event.text, static_cast<size_t>(event.text_size)});
    }

    void end() {
        reach(all.size());
        if (full) {
            out.write("\n");
        }
    }

private:
    output &       out;
    const pieces & all;
    bool           full;
    text_stream    stream;
    size_t         at = 0;
};

} // namespace

static std::string full_text(const pieces & all, const magnet_result & result) {
    std::string text;
    int32_t     span = 0;
    for (const piece & one : all) {
        text += one.gap ? std::string_view(result.spans[span].text, static_cast<size_t>(result.spans[span].text_size))
                        : std::string_view(one.text);
        span += one.gap;
    }
    return text;
}

void infill_command::run_template(magnet_session * session, const loaded_model & loaded, const record & from,
                                  const pieces & all, magnet_cli::output & out) {
    const std::vector<magnet_part> parts   = to_parts(all, keep_spaces);
    const int64_t                  seed    = sampling.seed.value_or(new_seed());
    const bool                     streams = !output.as_json && params.top == 0;
    for (int32_t k = 0; k < candidates && !interrupted(); ++k) {
        infill_stream fills(out, all, full);
        token_stream  stream(!streams ? nullptr
                                      : std::function([&](const magnet_token_event & event) { fills.put(event); }));
        params.sampling.seed      = candidate_seed(seed, k);
        params.on_token           = token_stream::callback;
        params.on_token_user_data = &stream;
        magnet_result * result    = nullptr;
        const int32_t   status =
            magnet_infill(session, parts.data(), static_cast<int32_t>(parts.size()), &params, &result);
        if (status == MAGNET_STATUS_CANCELLED && interrupted()) {
            return; // before its first token; the texts before it are kept
        }
        check(status, from);
        const result_ptr owned(result);
        stream.rethrow();
        if (streams) {
            fills.end();
        } else if (!output.as_json) {
            for (int32_t i = 0; i < result->n_spans; ++i) {
                out.write(token_lines(result->spans[i], loaded.model.get()));
            }
        } else {
            json   object  = from.fields.is_object() ? from.fields : json{{"template", from.text}};
            double sum     = 0;
            object["full"] = full_text(all, *result);
            object["gaps"] = json::array();
            for (int32_t i = 0; i < result->n_spans; ++i) {
                object["gaps"].push_back(to_json(result->spans[i], loaded.model.get()));
                sum += result->spans[i].logprob;
            }
            object["logprob"] = sum;
            object["seed"]    = params.sampling.seed;
            object["usage"]   = usage_json(*result);
            out.json_line(object);
        }
        out.flush();
    }
}

void infill_command::run() {
    const std::vector<record> records = read_input(input, input_format::whole, template_fields());
    std::vector<pieces>       templates;
    for (const record & one : records) {
        templates.push_back(read_pieces(one));
        if (!has_gap(templates.back())) {
            throw failure(one.where() + ": no gap to fill; mark one with {{gap}}");
        }
        for (piece & each : templates.back()) {
            if (each.filled) {
                throw failure(one.where() + ": a gap is filled already; magnet score tells how likely its text is");
            }
            each.length = each.gap && each.length == 0 && each.max_length == 0 ? length : each.length;
        }
    }
    // Greedy candidates would all be the same.
    params.sampling = sampling.apply(candidates > 1 ? magnet_generate_default_params().sampling : params.sampling);

    const loaded_model loaded  = load_model(model);
    const session_ptr  session = create_session(loaded, model);
    const cancel_scope scope(session.get());
    magnet_cli::output out(output.path);
    for (size_t i = 0; i < records.size() && !interrupted(); ++i) {
        run_template(session.get(), loaded, records[i], templates[i], out);
    }
    if (interrupted() && out.is_empty()) {
        return; // there is nothing to keep
    }
    out.close();
}

void add_infill(CLI::App & verb) {
    auto   command = std::make_shared<infill_command>();
    auto & params  = command->params;
    command->input.add_to(verb, "TEMPLATE",
                          "texts with gaps, or names of files with one each (default: standard input)");

    option_group out = command->output.add_to(verb, "one JSON object a text: tokens, log-probabilities, why gaps end");
    out.flag("--full", command->full, "print the whole text with its gaps filled, not the fills alone");

    option_group group(verb, "Infilling");
    group.value("--length", command->length, "N", "exact number of tokens of gaps that name none", between(1, 1 << 20));
    group
        .value("--max-tokens", params.max_tokens, "N",
               with_default("most tokens of an open gap that names no limit", params.max_tokens), between(1, 1 << 20));
    group.value("-n,--n", command->candidates, "N", "N candidates by sampling, with seeds SEED, SEED + 1, ...",
                between(1, 10000));
    group.value("--top", params.top, "N", "show the N likeliest tokens at each place", between(0, 100));
    group.choice("--cache-type", command->model.cache_type, cache_type_names(), "how the KV cache keeps keys and values");
    group.flag("--no-reuse", command->model.no_reuse,
               "read each text from its start: same seed, same text, whatever came before");
    group.choice("--context", params.context, context_names(),
                 "what the text around a gap sees (default: the adapter's, else ordered)");

    group.flag("--keep-spaces", command->keep_spaces, keep_spaces_help);

    command->sampling.add_to(verb, params.sampling);
    command->model.add_to(verb);
    set_help(
        verb, "[options] [TEMPLATE ...]",
        "Gaps:\n"
        "  {{gap}}       open: the model decides where it ends (at --max-tokens at the latest)\n"
        "  {{gap:..32}}  open, of at most 32 tokens\n"
        "  {{gap:4}}     of exactly 4 tokens\n"
        "  \\{{gap}}      these very characters; {{ of any other kind needs no backslash\n"
        "A space right before a gap is read with the gap, as models join a space to the word behind it.\n"
        "Gaps are filled in order, each sees the ones before.\n"
        "\n"
        "Examples:\n"
        "  magnet infill -m model.gguf \"Tom lost his keys. {{gap}} At last he could sleep in his own bed.\"\n"
        "  magnet infill -m model.gguf --full --length 6 story.txt\n"
        "  magnet infill -m model.gguf --n 3 --json --file pairs.jsonl\n"
        "\n"
        "JSONL has a template in \"text\", or \"left\" and \"right\", or \"parts\": [{\"text\": \"...\"},\n"
        "{\"gap\": true}, {\"gap\": 4}, {\"gap\": {\"max\": 32}}]. Without --temperature the likeliest tokens are\n"
        "taken; with --n the defaults of magnet generate hold.");
    verb.callback([command] { command->run(); });
}

} // namespace magnet_cli
