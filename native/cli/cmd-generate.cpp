#include <deque>
#include <algorithm>
#include <memory>
#include <optional>

#include "error.h"
#include "input.h"
#include "interrupt.h"
#include "lanes.h"
#include "model.h"
#include "names.h"
#include "options.h"
#include "result.h"
#include "sampling.h"
#include "terminal.h"
#include "verbs.h"

namespace magnet_cli {

namespace {

struct prompt {
    std::string                         text;
    std::optional<std::vector<int32_t>> tokens; // of a chat, whose control tokens are its template's
};

struct generate_command {
    model_options              model;
    input_options              input;
    output_options             output;
    sampling_options           sampling;
    magnet_generate_params     params = magnet_generate_default_params();
    stop_option                stop;
    std::optional<std::string> system;
    std::string                tools;       // a file's name, then its content
    std::string                tool_choice = "auto";
    std::string                tool_grammar;
    bool                       chat       = false;
    bool                       no_begin   = false;
    bool                       full       = false;
    int32_t                    n_texts    = 1;

    void        run();
    void        print(const magnet_span & span, const magnet_result & result, const magnet_model * of, const record & from,
                      const std::string & asked, uint32_t seed, sink & out) const;
    void        run_texts(magnet_session * session, const loaded_model & loaded, const record & from, const prompt & asked,
                          magnet_generate_params own, sink & out) const;
    void        run_prompt(magnet_session * session, const loaded_model & loaded, const record & from, sink & out) const;
    prompt      prompt_of(const magnet_model * model, const record & from) const;
    prompt      chat_prompt(const magnet_model * model, const json & messages, const record & from) const;
    void        force_call(const magnet_model * model);
};

} // namespace

prompt generate_command::chat_prompt(const magnet_model * from_model, const json & messages, const record & from) const {
    std::vector<magnet_message> list;
    std::deque<std::string>     calls;
    for (const json & message : messages) {
        const json content = message.is_object() ? message.value("content", json()) : json();
        const bool calls_only = content.is_null() && message.is_object() && message.contains("tool_calls"); // as OpenAI's API writes it
        if (!message.is_object() || !message.contains("role") || !message["role"].is_string() ||
            !(content.is_string() || calls_only)) {
            throw failure(from.where() + ": a message must be {\"role\": \"user\", \"content\": \"…\"}");
        }
        const auto & role = message["role"].get_ref<const std::string &>();
        if (role.find('\0') != std::string::npos) {
            throw failure(from.where() + ": a \"role\" holds a NUL character");
        }
        list.push_back({role.c_str(), calls_only ? magnet_text{"", 0} : as_text(message["content"].get_ref<const std::string &>()), nullptr, nullptr});
        if (message.contains("tool_calls")) {
            list.back().tool_calls = calls.emplace_back(message["tool_calls"].dump()).c_str();
        }
        if (message.contains("tool_call_id") && message["tool_call_id"].is_string()) {
            list.back().tool_call_id = message["tool_call_id"].get_ref<const std::string &>().c_str();
        }
    }
    const char * const offered = tools.empty() || tool_choice == "none" ? nullptr : tools.c_str();
    const auto count = static_cast<int32_t>(list.size());
    int32_t    n     = 0;
    check(magnet_chat_tokens(from_model, list.data(), count, offered, true, params.parse_special, nullptr, 0, &n), from);
    std::vector<int32_t> tokens(static_cast<size_t>(n));
    check(magnet_chat_tokens(from_model, list.data(), count, offered, true, params.parse_special, tokens.data(), n, &n), from);
    const std::string text = read_text([&](char * buffer, int32_t capacity, int32_t * size) {
        return magnet_chat_prompt(from_model, list.data(), count, offered, true, buffer, capacity, size);
    });
    return {text, tokens};
}

// A grammar for --tool-choice, where an answer that is no call is none.
void generate_command::force_call(const magnet_model * from_model) {
    if (tool_choice == "auto" || tool_choice == "none") {
        return;
    }
    if (params.sampling.grammar != nullptr || params.sampling.schema != nullptr) {
        throw usage_error("--tool-choice " + tool_choice + " leaves nothing but a call: leave out --grammar or --schema");
    }
    const char * const name = tool_choice == "required" ? nullptr : tool_choice.c_str();
    tool_grammar            = read_text([&](char * buffer, int32_t capacity, int32_t * size) {
        return magnet_tool_grammar(from_model, tools.c_str(), name, buffer, capacity, size);
    });
    params.sampling.grammar = tool_grammar.c_str();
}

// What the answer calls, as OpenAI's API shows it, and what it says beside.
static void add_calls(json & object, const magnet_model * from_model, const std::string & tools, const magnet_span & span) {
    magnet_tool_calls * calls = nullptr;
    check(magnet_tool_calls_read(from_model, tools.c_str(), {span.text, span.text_size}, &calls));
    const std::unique_ptr<magnet_tool_calls, void (*)(magnet_tool_calls *)> owned(calls, magnet_tool_calls_free);
    object["content"]    = calls->content;
    object["tool_calls"] = json::array();
    for (int32_t i = 0; i < calls->n_calls; ++i) {
        const magnet_tool_call & call = calls->calls[i];
        object["tool_calls"].push_back(call.name ? json{{"name", call.name}, {"arguments", json::parse(call.arguments)}, {"text", call.text}}
                                                 : json{{"text", call.text}});
    }
}

prompt generate_command::prompt_of(const magnet_model * from_model, const record & from) const {
    json messages = json::array();
    if (system) {
        messages.push_back({{"role", "system"}, {"content", *system}});
    }
    if (has_field(from, "messages")) {
        if (!from.fields["messages"].is_array()) {
            throw failure(from.where() + ": \"messages\" must be an array");
        }
        messages.insert(messages.end(), from.fields["messages"].begin(), from.fields["messages"].end());
        return chat_prompt(from_model, messages, from);
    }
    const std::string text = field(from, "prompt", from.text);
    if (!chat) {
        return {text, {}};
    }
    messages.push_back({{"role", "user"}, {"content", text}});
    return chat_prompt(from_model, messages, from);
}

void generate_command::print(const magnet_span & span, const magnet_result & result, const magnet_model * of,
                             const record & from, const std::string & asked, uint32_t seed, sink & out) const {
    if (output.as_json) {
        json object = from.fields.is_object() ? from.fields : json::object();
        object.erase("text");
        object["prompt"] = asked;
        object.update(to_json(span, of));
        if (!tools.empty()) {
            add_calls(object, of, tools, span);
        }
        object["seed"]  = candidate_seed(seed, span.item);
        object["usage"] = usage_json(result);
        out.json_line(object);
    } else if (params.top > 0) {
        out.write(token_lines(span, of));
    } else {
        out.write((full ? asked : "") + std::string(span.text, static_cast<size_t>(span.text_size)));
        out.write(output.end());
    }
}

void generate_command::run_prompt(magnet_session * session, const loaded_model & loaded, const record & from,
                                  sink & out) const {
    const prompt      asked   = prompt_of(loaded.model.get(), from);
    const int32_t     begin   = loaded.info.token_bos;
    if (params.parse_special && params.add_special && !asked.tokens && begin >= 0) {
        const auto tokens = tokenize(loaded.model.get(), asked.text, true, true);
        if (tokens.size() > 1 && tokens[0] == begin && tokens[1] == begin) {
            std::fprintf(stderr, "magnet: the prompt begins with the beginning-of-text token twice; see --no-begin\n");
        }
    }
    if (n_texts == 1 && !output.as_json && params.top == 0 && full) {
        out.write(asked.text); // the rest comes as it is made
    }
    const int64_t          seed = sampling.seed.value_or(new_seed());
    magnet_generate_params own  = params;
    for (int32_t first = 0; first < n_texts && !interrupted(); first += own.n_texts) { // as many as are made together
        own.n_texts       = std::min(most_together, n_texts - first);
        own.sampling.seed = candidate_seed(seed, first);
        run_texts(session, loaded, from, asked, own, out);
    }
}

void generate_command::run_texts(magnet_session * session, const loaded_model & loaded, const record & from,
                                 const prompt & asked, magnet_generate_params own, sink & out) const {
    const bool   streams = !output.as_json && params.top == 0 && n_texts == 1;
    token_stream stream(!streams ? nullptr : std::function([&](const magnet_token_event & event) {
        out.write({event.text, static_cast<size_t>(event.text_size)});
        out.flush();
    }));
    own.on_token           = token_stream::callback;
    own.on_token_user_data = &stream;
    magnet_result * result = nullptr;
    const int32_t   status =
        asked.tokens ? magnet_generate_token_ids(session, asked.tokens->data(), static_cast<int32_t>(asked.tokens->size()),
                                                 &own, &result)
                     : magnet_generate(session, as_text(asked.text), &own, &result);
    if (status == MAGNET_STATUS_CANCELLED && interrupted()) {
        return; // before its first token; the texts before it are kept
    }
    check(status, from);
    const result_ptr owned(result);
    stream.rethrow();
    if (streams) {
        out.write(output.end());
    }
    for (int32_t k = 0; k < result->n_spans; ++k) {
        if (!streams) {
            print(result->spans[k], *result, loaded.model.get(), from, asked.text, own.sampling.seed, out);
        }
        if (output.as_json) { // which says why a text ended
            continue;
        }
        if (result->spans[k].stop == MAGNET_STOP_CONTEXT) {
            std::fprintf(stderr, "magnet: the text ends here because the context is full; see --ctx\n");
        } else if (result->spans[k].stop == MAGNET_STOP_LENGTH && params.sampling.schema) {
            std::fprintf(stderr, "magnet: the text ends at --max-tokens, before its JSON is complete\n");
        }
    }
    out.flush();
}

void generate_command::run() {
    chat = chat || system || !tools.empty();
    if (!tools.empty()) {
        tools = read_content(tools, "a list of tools");
    }
    stop.apply(params.stop, params.n_stop);
    params.add_special = !no_begin;
    params.sampling    = sampling.apply(params.sampling);
    if (n_texts > 1 && params.sampling.temperature == 0.0f) {
        throw usage_error("--temperature 0 makes all texts the same; leave it out, or --n");
    }

    const std::vector<record> records = read_input(input, input_format::whole, {{"prompt"}, {"text"}, {"messages"}});
    const loaded_model        loaded  = load_model(model);
    force_call(loaded.model.get());
    magnet_cli::output        out(output.path);
    for_each_record(loaded, model, records.size(), std::min(most_together, n_texts), out,
                    [&](magnet_session * session, size_t i, sink & own) { run_prompt(session, loaded, records[i], own); });
    if (interrupted() && out.is_empty()) {
        return; // there is nothing to keep
    }
    out.close();
}

void add_generate(CLI::App & verb) {
    auto   command = std::make_shared<generate_command>();
    auto & params  = command->params;
    command->input.add_to(verb, "PROMPT",
                          "texts to go on from, or names of files with one each (default: standard input)");

    option_group out =
        command->output.add_to_texts(verb, "one JSON object a text: tokens, log-probabilities, why it stopped");
    out.flag("--full", command->full, "print the prompt in front");

    option_group group(verb, "Generation");
    group
        .value("--max-tokens", params.max_tokens, "N",
               with_default("stop after N tokens, -1 = when the context is full", params.max_tokens), between(-1, 1 << 30));
    command->stop.add_to(group);
    group.value("-n,--n", command->n_texts, "N", "N texts from one prompt, with seeds SEED, SEED + 1, ...", between(1, 10000));
    group.value("--top", params.top, "N", "show the N likeliest tokens at each place", between(0, 100))
        ->excludes(verb.get_option("--null"));
    group.choice("--cache-type", command->model.cache_type, cache_type_names(), "how the KV cache keeps keys and values");
    group.flag("--no-reuse", command->model.no_reuse,
               "read each text from its start: same seed, same text, whatever came before");
    group.flag("--chat", command->chat, "the prompt is a user's message, put into the model's chat template");
    group.value("--system", command->system, "TEXT", "the system message; implies --chat");
    auto * offered = group.value("--tools", command->tools, "FILE",
                                 "what the model may call: a JSON array as OpenAI has it; implies --chat");
    group.value("--tool-choice", command->tool_choice, "WHAT", "auto, none, required, or the name of a tool (default auto)")->needs(offered);
    group.flag("--ignore-eos", params.ignore_eos, "go on where the model would end");
    group.flag("--no-begin", command->no_begin, "do not put the beginning-of-text token in front");
    group.flag("--special", params.parse_special, "read <|im_end|> and its like in the input as control tokens");

    command->sampling.add_to(verb, params.sampling);
    command->model.add_to(verb);
    set_help(verb, "[options] [PROMPT ...]",
             "Examples:\n"
             "  magnet generate -m model.gguf \"Once upon a time\"\n"
             "  magnet generate -m model.gguf --chat \"Why is the sky blue?\" --temperature 0\n"
             "  magnet generate -m model.gguf --top 5 --max-tokens 1 \"The capital of France is\"\n"
             "\n"
             "Text appears as it is made; Ctrl-C stops it and keeps what there is. JSONL has a field \"prompt\" (or\n"
             "\"text\"), or \"messages\": [{\"role\": \"user\", \"content\": \"...\"}].");
    verb.callback([command] { command->run(); });
}

} // namespace magnet_cli
