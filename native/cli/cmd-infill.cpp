#include <memory>

#include "error.h"
#include "fim.h"
#include "input.h"
#include "interrupt.h"
#include "lanes.h"
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
    fim_options          fim;
    magnet_infill_params params     = magnet_infill_default_params();
    int32_t              length     = 0;
    bool                 best       = false;
    bool                 full       = false;
    bool                 keep_spaces = false;
    bool                 keep_repeat = false;
    bool                 trim        = true; // code begins with its indentation, and ends as it ends
    stop_option          stop;

    void run();
    void run_template(magnet_session * session, const loaded_model & loaded, const record & from, const pieces & all,
                      sink & out) const;
    void print(const magnet_filling & filling, const magnet_result & result, const magnet_model * of, const record & from,
               const pieces & all, sink & out) const;
    json to_object(const magnet_filling & filling, const magnet_result & result, const magnet_model * of, const record & from,
                   const pieces & all) const;
};

// Prints the fills as they come; with the text around them if full. Alone, they lose the space around them if trim.
class infill_stream {
public:
    infill_stream(sink & out, const pieces & all, bool full, bool trim, std::string_view behind)
        : out(out), all(all), full(full), behind(behind), stream(out, !full && trim) {}

    // Text goes into gap `part`: what stands before it comes first.
    void reach(size_t part) {
        for (; at < part; ++at) {
            if (full && !all[at].gap) {
                out.write(all[at].text);
            } else if (!full && all[at].gap) { // the fills of several gaps: each a text
                out.write(behind);
                stream.begin_again();
            }
        }
    }

    void put(int32_t part, std::string_view text) {
        reach(static_cast<size_t>(part));
        stream.put(text);
    }

    void end() {
        reach(all.size());
        if (full) {
            out.write(behind);
        }
    }

private:
    sink &           out;
    const pieces &   all;
    bool             full;
    std::string_view behind; // each text
    text_stream      stream;
    size_t           at = 0;
};

} // namespace

static std::string full_text(const pieces & all, const magnet_filling & filling) {
    std::string text;
    int32_t     span = 0;
    for (const piece & one : all) {
        text += one.gap ? std::string_view(filling.spans[span].text, static_cast<size_t>(filling.spans[span].text_size))
                        : std::string_view(one.text);
        span += one.gap;
    }
    return text;
}

// {"full", "gaps", "logprob", "seed", "usage"}, and of one among several what ranked it.
json infill_command::to_object(const magnet_filling & filling, const magnet_result & result, const magnet_model * of,
                               const record & from, const pieces & all) const {
    json   object  = from.fields.is_object() ? from.fields : json{{"template", from.text}};
    double sum     = 0;
    object["full"] = full_text(all, filling);
    object["gaps"] = json::array();
    for (int32_t i = 0; i < filling.n_spans; ++i) {
        object["gaps"].push_back(to_json(filling.spans[i], of));
        sum += filling.spans[i].logprob;
    }
    object["logprob"] = sum;
    object["seed"]    = filling.seed;
    object["usage"]   = usage_json(result);
    if (params.candidates.n > 1) {
        object.update({{"score", magnet_cli::to_json(filling.score)},
                       {"gap_logprob", filling.gap_logprob},
                       {"n_gap_tokens", filling.n_gap_tokens},
                       {"right_logprob", filling.right_logprob},
                       {"n_right_tokens", filling.n_right_tokens},
                       {"count", filling.count}});
    }
    return object;
}

void infill_command::print(const magnet_filling & filling, const magnet_result & result, const magnet_model * of,
                           const record & from, const pieces & all, sink & out) const {
    if (output.as_json) {
        out.json_line(to_object(filling, result, of, from, all));
    } else if (params.top > 0) {
        for (int32_t i = 0; i < filling.n_spans; ++i) {
            out.write(token_lines(filling.spans[i], of));
        }
    } else {
        infill_stream fills(out, all, full, trim, output.end());
        for (int32_t i = 0; i < filling.n_spans; ++i) {
            fills.put(filling.spans[i].part, {filling.spans[i].text, static_cast<size_t>(filling.spans[i].text_size)});
        }
        fills.end();
    }
}

void infill_command::run_template(magnet_session * session, const loaded_model & loaded, const record & from,
                                  const pieces & all, sink & out) const {
    const std::vector<magnet_part> parts   = to_parts(all, keep_spaces);
    const bool                     streams = !output.as_json && params.top == 0 && params.candidates.n == 1;
    infill_stream                  fills(out, all, full, trim, output.end());
    token_stream                   stream(!streams ? nullptr : std::function([&](const magnet_token_event & event) {
        fills.put(event.part, {event.text, static_cast<size_t>(event.text_size)});
    }));
    magnet_infill_params own = params;
    own.sampling.seed        = sampling.seed.value_or(new_seed());
    own.on_token             = token_stream::callback;
    own.on_token_user_data   = &stream;
    magnet_result * result   = nullptr;
    const int32_t   status   = magnet_infill(session, parts.data(), static_cast<int32_t>(parts.size()), &own, &result);
    if (status == MAGNET_STATUS_CANCELLED && interrupted()) {
        return; // before its first token; the texts before it are kept
    }
    check(status, from);
    const result_ptr owned(result);
    stream.rethrow();
    if (streams) {
        fills.end();
    } else {
        for (int32_t k = 0; k < (best ? 1 : result->n_fillings); ++k) {
            print(result->fillings[k], *result, loaded.model.get(), from, all, out);
        }
    }
    out.flush();
}

void infill_command::run() {
    const std::vector<record> records = read_input(input, input_format::whole, template_forms());
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
    params.sampling = sampling.apply(params.candidates.n > 1 ? magnet_generate_default_params().sampling : params.sampling);

    if (params.candidates.n > 1 && sampling.temperature == 0.0f) {
        throw usage_error("--temperature 0 makes all candidates the same; leave it out, or --n");
    }
    params.fim             = fim.apply();
    params.ends.cut_repeat = !keep_repeat;
    stop.apply(params.ends.stop, params.ends.n_stop);
    const loaded_model loaded = load_model(model);
    magnet_adapter_info recipe{};
    const int32_t       by_default = loaded.recipe(recipe) ? recipe.context : loaded.info.context;
    trim = (params.context == MAGNET_CONTEXT_DEFAULT ? by_default : params.context) != MAGNET_CONTEXT_FIM;
    magnet_cli::output out(output.path);
    for_each_record(loaded, model, records.size(), params.candidates.n, out,
                    [&](magnet_session * session, size_t i, sink & own) { run_template(session, loaded, records[i], templates[i], own); });
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

    option_group out = command->output.add_to_texts(verb, "one JSON object a text: tokens, log-probabilities, why gaps end");
    auto * full = out.flag("--full", command->full, "print the whole text with its gaps filled, not the fills alone");

    option_group group(verb, "Infilling");
    group.value("--length", command->length, "N", "exact number of tokens of gaps that name none", between(1, 1 << 20));
    group
        .value("--max-tokens", params.max_tokens, "N",
               with_default("most tokens of an open gap that names no limit", params.max_tokens), between(1, 1 << 20));
    command->stop.add_to(group);
    group.choice("--until", params.ends.until, until_names(), "an open gap ends with its first line, sentence or paragraph");
    group.flag("--keep-repeat", command->keep_repeat,
               "leave it where a filling repeats the beginning of the text behind it");
    auto * n = group.value("-n,--n", params.candidates.n, "N",
                           "N candidates by sampling: equal ones merged, the likeliest text first", between(1, 256));
    group.flag("--best", command->best, "print the first of them alone")->needs(n);
    group.value("--top", params.top, "N", "show the N likeliest tokens at each place", between(0, 100))->excludes(full)->excludes(verb.get_option("--null"));
    group.choice("--cache-type", command->model.cache_type, cache_type_names(), "how the KV cache keeps keys and values");
    group.flag("--no-reuse", command->model.no_reuse,
               "read each text from its start: same seed, same text, whatever came before");
    group.choice("--context", params.context, context_names(),
                 "what the text around a gap sees (default: the adapter's, else fim or ordered)");

    group.flag("--keep-spaces", command->keep_spaces, keep_spaces_help);

    command->fim.add_to(verb);
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
        "  magnet infill -m coder.gguf --extra util.py --path main.py --file main.py\n"
        "\n"
        "JSONL has a template in \"text\", or \"left\" and \"right\", or \"parts\": [{\"text\": \"...\"},\n"
        "{\"gap\": true}, {\"gap\": 4}, {\"gap\": {\"max\": 32}}]. Without --temperature the likeliest tokens are\n"
        "taken; with --n the defaults of magnet generate hold.");
    verb.callback([command] { command->run(); });
}

} // namespace magnet_cli
