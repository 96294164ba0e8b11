#include <algorithm>
#include <memory>

#include "../src/base/path.h"
#include "catalogue.h"
#include "error.h"
#include "options.h"
#include "output.h"
#include "terminal.h"
#include "verbs.h"

namespace magnet_cli {

namespace {

struct models_command {
    CLI::Option *  named = nullptr; // an empty name is one that an unset variable gives, and no list
    std::string    name;
    output_options output;
    bool           sums = false;

    void run();
    void show(const known_model & model, const std::filesystem::path & cache, magnet_cli::output & out) const;
};

} // namespace

static const char * words(cached state) {
    switch (state) {
        case cached::checked:
            return "in the cache, checked";
        case cached::unchecked:
            return "in the cache, not checked";
        case cached::wrong_size:
            return "in the cache with another size";
        default:
            return "not in the cache";
    }
}

static bool usable(cached state) {
    return state == cached::checked || state == cached::unchecked;
}

void models_command::show(const known_model & model, const std::filesystem::path & cache,
                          magnet_cli::output & out) const {
    const cached      state = state_of(model, cache);
    const std::string path  = path_of(model, cache);
    if (output.as_json) {
        json object{{"name", model.name},       {"file", path},
                    {"bytes", model.bytes},     {"sha256", model.sha256},
                    {"licence", model.licence}, {"state", words(state)}};
        if (!model.adapter_of.empty()) {
            object["adapter_of"] = model.adapter_of;
        }
        out.json_line(object);
    } else if (sums) {
        if (state != cached::no) {
            out.line(model.sha256 + "  " + path);
        }
    } else {
        out.line((out.is_empty() ? "" : "\n") + model.name);
        out.line("  " + group_thousands(model.bytes) + " bytes, " + model.licence +
                 (model.adapter_of.empty() ? "" : ", adapter of " + model.adapter_of));
        out.line("  SHA-256 " + model.sha256);
        out.line("  " + path + ": " + words(state));
    }
}

void models_command::run() {
    const auto               cache = model_cache();
    std::vector<known_model> known = read_catalogue(cache);
    if (named->count() > 0) {
        const auto found =
            std::find_if(known.begin(), known.end(), [&](const known_model & one) { return one.name == name; });
        if (found == known.end()) {
            throw failure("no model is called " + quote(name) + "; magnet models lists those that are known");
        }
        known = {*found};
    }
    magnet_cli::output out(output.path);
    if (named->count() > 0 && !sums && !output.as_json) { // for -m "$(magnet models NAME)"
        const cached state = state_of(known[0], cache);
        if (!usable(state)) {
            throw failure(name + " is " + words(state) + " (" + magnet::to_utf8(cache) +
                          "); Java's Models.find fetches it, scripts/fetch-model.sh the default model");
        }
        out.line(path_of(known[0], cache));
    } else {
        for (const known_model & model : known) {
            show(model, cache, out);
        }
    }
    out.close();
}

void add_models(CLI::App & verb) {
    auto command = std::make_shared<models_command>();
    command->named = verb.add_option("NAME", command->name, "print only the path of this model, if the cache has it");
    command->named->type_name("");
    option_group out = command->output.add_to(verb, "one JSON object a model");
    out.flag("--sums", command->sums, "print what sha256sum -c reads, of the models that the cache has");
    set_help(
        verb, "[options] [NAME]",
        "Examples:\n"
        "  magnet models\n"
        "  magnet models --sums | sha256sum -c\n"
        "  magnet embed -m \"$(magnet models smollm2-135m-instruct)\" \"A cat sleeps.\"\n"
        "\n"
        "The cache is $MAGNET_CACHE/models, else $XDG_CACHE_HOME/magnet/models, else ~/.cache/magnet/models. This\n"
        "program fetches nothing: Java's Models.find does, or scripts/fetch-model.sh. \"checked\" means that Java\n"
        "compared the hash, and that the file was not touched since.");
    verb.callback([command] { command->run(); });
}

} // namespace magnet_cli
