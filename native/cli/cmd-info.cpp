#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <unistd.h>

#include "error.h"
#include "model.h"
#include "names.h"
#include "options.h"
#include "output.h"
#include "terminal.h"
#include "verbs.h"

namespace magnet_cli {

namespace {

struct info_command {
    model_options  model;
    std::string    file; // goes before --model, which the environment may have filled
    output_options output;
    bool           meta = false, system = false;

    void run();
    void show_system() const;
};

} // namespace

static json token_json(const magnet_model * model, int32_t token) {
    return token < 0 ? json(nullptr) : json{{"id", token}, {"text", token_name(model, token)}};
}

static bool trains(const magnet_model * model, int32_t engine) {
    return magnet_model_check_training(model, engine) == MAGNET_STATUS_OK;
}

static json engines(bool fused, bool graph) {
    json names = json::array();
    for (const auto & [able, engine] : {std::pair(fused, MAGNET_ENGINE_FUSED), {graph, MAGNET_ENGINE_GRAPH}}) {
        if (able) {
            names.push_back(name_of(engine_names(), engine));
        }
    }
    return names;
}

static json model_json(const loaded_model & loaded) {
    const magnet_model *      model = loaded.model.get();
    const magnet_model_info & info  = loaded.info;
    return {{"file", loaded.path},
            {"name", info.name},
            {"description", info.description},
            {"architecture", info.architecture},
            {"parameters", info.n_params},
            {"bytes", info.n_bytes},
            {"vocabulary", info.n_vocab},
            {"width", info.n_embd},
            {"layers", info.n_layer},
            {"heads", info.n_head},
            {"kv_heads", info.n_head_kv},
            {"context", info.n_ctx_train},
            {"bos", token_json(model, info.token_bos)},
            {"eos", token_json(model, info.token_eos)},
            {"eot", token_json(model, info.token_eot)},
            {"chat_template", info.has_chat_template},
            {"bidirectional", info.can_embed_bidirectional},
            {"infill", info.can_infill},
            {"fim_tokens", info.has_fim_tokens},
            {"context_default", name_of(context_names(), info.context)},
            {"fused_engine", info.fused_engine},
            {"bytes_copied", info.bytes_copied},
            {"bytes_stored", info.bytes_stored},
            {"bytes_available", info.bytes_available},
            {"cache_bytes_per_token", info.cache_bytes_per_token},
            {"embed_engines", engines(info.fused_engine, info.can_embed_bidirectional)},
            {"infill_engines", engines(info.fused_engine, info.can_infill)},
            {"train_engines", engines(trains(model, MAGNET_ENGINE_FUSED), trains(model, MAGNET_ENGINE_GRAPH))}};
}

static json adapter_json(const loaded_model & loaded, const std::string & file, size_t i) {
    magnet_adapter_info info{};
    check(magnet_adapter_get_info(loaded.adapters[i].get(), &info));
    const magnet_model * model = loaded.model.get();
    return {{"file", file},
            {"architecture", info.architecture},
            {"scale", to_json(loaded.scales[i])},
            {"rank", info.rank},
            {"alpha", to_json(info.alpha)},
            {"matrices", info.n_matrices},
            {"recipe_version", info.recipe_version},
            {"instruction", info.instruction},
            {"document_instruction", info.document_instruction},
            {"pooling", name_of(pooling_names(), info.pooling)},
            {"attention", name_of(attention_names(), info.attention)},
            {"context_attention", name_of(context_names(), info.context)},
            {"mask_token", token_json(model, info.token_mask)},
            {"end_token", token_json(model, info.token_end)},
            {"open_room", info.open_room}};
}

static json meta_json(const magnet_model * model) {
    json out = json::object();
    for (int32_t i = 0; i < magnet_model_meta_count(model); ++i) {
        const auto key   = read_text([&](char * buffer, int32_t capacity, int32_t * size) {
            return magnet_model_meta_key(model, i, buffer, capacity, size);
        });
        const auto value = read_text([&](char * buffer, int32_t capacity, int32_t * size) {
            return magnet_model_meta_value(model, i, buffer, capacity, size);
        });
        out[key]         = value;
    }
    return out;
}

static std::string words(const json & value) {
    if (value.is_boolean()) {
        return value.get<bool>() ? "yes" : "no";
    }
    if (value.is_null()) {
        return "none";
    }
    if (value.is_array()) {
        std::string list;
        for (const json & item : value) {
            list += (list.empty() ? "" : ", ") + words(item);
        }
        return list.empty() ? "none" : list;
    }
    if (value.is_object()) { // a token
        return std::to_string(value["id"].get<int32_t>()) + "  " + quote(value["text"].get<std::string>());
    }
    if (value.is_number_integer()) {
        return group_thousands(value.get<int64_t>());
    }
    return value.is_string() ? value.get<std::string>() : to_text(value);
}

// "name  value" lines; values in one line, on a terminal no wider than it.
static void print_card(output & out, const json & card, bool quoted) {
    int column = 0;
    for (const auto & [key, value] : card.items()) {
        column = std::max(column, display_width(key));
    }
    const int room = out.is_terminal() ? std::max(terminal_width(STDOUT_FILENO) - column - 2, 16) : 1 << 30;
    for (const auto & [key, value] : card.items()) {
        std::string text = words(value);
        if (quoted) { // values of any kind: keep them on a line
            text = quote(text);
            text = text.substr(1, text.size() - 2);
        }
        out.line(pad(key, column) + "  " + shorten(text, room));
    }
}

void info_command::show_system() const {
    magnet_system_info info{};
    check(magnet_system_get_info(&info));
    const json card = {{"version", magnet_version()},
                       {"platform", info.platform},
                       {"processor", info.cpu},
                       {"instruction_sets", info.cpu_features},
                       {"kernels", info.kernels},
                       {"usable_kernels", info.usable_kernels},
                       {"llama_kernels", info.llama_kernels},
                       {"threads", info.n_threads},
                       {"threads_reason", info.threads_reason},
                       {"processors", info.n_processors}};
    magnet_cli::output out(output.path);
    if (output.as_json) {
        out.json_line(card);
    } else {
        print_card(out, card, false);
    }
    out.close();
}

void info_command::run() {
    if (system) {
        show_system();
        return;
    }
    if (!file.empty()) {
        const char * const from_environment = std::getenv("MAGNET_MODEL");
        if (!model.path.empty() && model.path != file && !(from_environment && model.path == from_environment)) {
            throw usage_error("two models are given, " + model.path + " and " + file + "; info takes one");
        }
        model.path = file;
    }
    const loaded_model loaded = load_model(model);
    magnet_cli::output out(output.path);
    json               card     = model_json(loaded);
    json               adapters = json::array();
    for (size_t i = 0; i < loaded.adapters.size(); ++i) {
        adapters.push_back(adapter_json(loaded, model.adapters[i], i));
    }
    const json metadata = meta ? meta_json(loaded.model.get()) : json::object();
    if (output.as_json) {
        if (!adapters.empty()) {
            card["adapters"] = adapters;
        }
        if (meta) {
            card["metadata"] = metadata;
        }
        out.json_line(card);
    } else {
        print_card(out, card, false);
        for (const json & one : adapters) {
            out.line("\nadapter");
            print_card(out, one, false);
        }
        if (meta) {
            out.line("\nmetadata");
            print_card(out, metadata, true);
        }
    }
    out.close();
}

void add_info(CLI::App & verb) {
    auto command = std::make_shared<info_command>();
    auto * model = verb.add_option("MODEL", command->file, "a GGUF file; the same as --model")->type_name("");
    option_group out = command->output.add_to(verb, "one JSON object");
    auto * meta = out.flag("--meta", command->meta, "list the metadata of the file");
    out.flag("--system", command->system, "no model: the platform, the kernels that run on it, the threads, and why")
        ->excludes(model)
        ->excludes(meta);
    command->model.add_to(verb);
    set_help(verb, "[options] [MODEL]",
             "Examples:\n"
             "  magnet info model.gguf\n"
             "  magnet info model.gguf --adapter mine.gguf --json\n"
             "  magnet info model.gguf --meta\n"
             "  magnet info --system");
    verb.callback([command] { command->run(); });
}

} // namespace magnet_cli
