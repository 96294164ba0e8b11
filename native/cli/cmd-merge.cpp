#include <cstdio>
#include <memory>

#include "../src/base/path.h"
#include "error.h"
#include "files.h"
#include "interrupt.h"
#include "model.h"
#include "options.h"
#include "verbs.h"

namespace magnet_cli {

namespace {

const names type_names{
    {"base", MAGNET_MERGE_BASE}, {"f32", MAGNET_MERGE_F32}, {"f16", MAGNET_MERGE_F16}, {"bf16", MAGNET_MERGE_BF16}};

struct merge_command {
    std::string model, adapter, output;
    float       scale     = 1;
    int32_t     type      = MAGNET_MERGE_F16;
    bool        overwrite = false;

    void run() const;
};

} // namespace

void merge_command::run() const {
    if (model.empty()) {
        throw usage_error("no model is given; name one with -m or set MAGNET_MODEL");
    }
    if (output == "-") {
        throw usage_error("a model does not go to standard output; name a file with -o");
    }
    check_replaceable(output, overwrite);
    std::string path   = adapter;
    const float factor = scale * split_scale(path);
    note_input(model);
    note_input(path);
    check_outputs({output});
    set_unfinished_file(magnet::unfinished_name(output)); // where the library writes until it is whole
    check(magnet_merge(model.c_str(), path.c_str(), factor, type, output.c_str()));
    set_unfinished_file("");
    std::fprintf(stderr, "%s holds %s with %s\n", output.c_str(), model.c_str(), path.c_str());
}

void add_merge(CLI::App & verb) {
    auto         command = std::make_shared<merge_command>();
    option_group group(verb, "Merging");
    group.value("-m,--model", command->model, "FILE", "GGUF file of the base (or set MAGNET_MODEL)")->envname("MAGNET_MODEL");
    group.value("--adapter", command->adapter, "FILE[:SCALE]", "the LoRA adapter")->required();
    group.value("-o,--output", command->output, "FILE", "the merged model (GGUF)")->required();
    group.value("--scale", command->scale, "X", with_default("factor of the adapter", command->scale));
    group.choice("--type", command->type, type_names,
                 "type of the merged matrices (default f16; base: quantise them as they were)");
    group.flag("--overwrite", command->overwrite, "replace an output that exists");
    set_help(verb, "-m FILE --adapter FILE -o FILE",
             "Example:\n"
             "  magnet merge -m model.gguf --adapter mine.gguf -o merged.gguf\n"
             "\n"
             "The merged model embeds and infills as base and adapter do together, recipe included.");
    verb.callback([command] { command->run(); });
}

} // namespace magnet_cli
