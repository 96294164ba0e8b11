#include <algorithm>
#include <memory>

#include <unistd.h>

#include "error.h"
#include "files.h"
#include "input.h"
#include "mask-picture.h"
#include "model.h"
#include "names.h"
#include "options.h"
#include "template.h"
#include "terminal.h"
#include "verbs.h"

namespace magnet_cli {

namespace {

struct mask_command {
    model_options  model;
    input_options  input;
    output_options output;
    std::string    svg;
    int32_t        context   = MAGNET_CONTEXT_DEFAULT;
    int32_t        attention = MAGNET_ATTENTION_DEFAULT;
    int32_t        open      = 4;
    bool           keep_spaces = false;

    void         run();
    mask_picture lay_out(const loaded_model & loaded, pieces all) const;
};

} // namespace

mask_picture mask_command::lay_out(const loaded_model & loaded, pieces all) const {
    mask_picture        picture;
    magnet_adapter_info recipe{};
    const bool          has_recipe = loaded.recipe(recipe);
    if (has_gap(all)) {
        for (piece & one : all) {
            one.max_length = one.gap && !one.filled && one.length == 0 && one.max_length == 0 ? open : one.max_length;
        }
        const int32_t                  shown = context != MAGNET_CONTEXT_DEFAULT ? context
                                               : has_recipe                      ? recipe.context
                                                                                 : loaded.info.context;
        const std::vector<magnet_part> parts = to_parts(all, keep_spaces);
        const auto                     call  = [&](magnet_slot * slots, int32_t capacity) {
            int32_t n = 0;
            check(magnet_layout(loaded.model.get(), parts.data(), static_cast<int32_t>(parts.size()), shown, slots,
                                                     capacity, &n));
            return n;
        };
        picture.slots.resize(static_cast<size_t>(call(nullptr, 0)));
        call(picture.slots.data(), picture.size());
        picture.title = std::string("infill, ") + name_of(context_names(), shown) + " context";
    } else {
        const int32_t shown = attention != MAGNET_ATTENTION_DEFAULT ? attention
                              : has_recipe                          ? recipe.attention
                                                                    : MAGNET_ATTENTION_BIDIRECTIONAL;
        const int32_t role  = shown == MAGNET_ATTENTION_CAUSAL ? MAGNET_ROLE_SPAN : MAGNET_ROLE_CONTEXT;
        for (const int32_t token : tokenize(loaded.model.get(), all.empty() ? "" : all[0].text, false, false)) {
            picture.slots.push_back({token, picture.size(), role, 0});
        }
        picture.title = std::string("no gap, ") + name_of(attention_names(), shown) + " attention";
    }
    std::stable_sort(picture.slots.begin(), picture.slots.end(),
                     [](const magnet_slot & a, const magnet_slot & b) { return a.pos < b.pos; });
    for (const magnet_slot & slot : picture.slots) {
        const std::string bytes = slot.token < 0 ? "" : token_bytes(loaded.model.get(), slot.token);
        picture.texts.push_back(bytes.empty() ? token_name(loaded.model.get(), slot.token) : bytes);
    }
    return picture;
}

static json picture_json(const mask_picture & picture) {
    json slots = json::array();
    json sees  = json::array();
    for (int32_t q = 0; q < picture.size(); ++q) {
        const magnet_slot & slot = picture.slots[q];
        slots.push_back({{"token", slot.token < 0 ? json(nullptr) : json(slot.token)},
                         {"text", picture.texts[q]},
                         {"pos", slot.pos},
                         {"role", name_of(role_names(), slot.role)},
                         {"part", slot.part}});
        json row = json::array();
        for (int32_t k = 0; k < picture.size(); ++k) {
            row.push_back(picture.sees(q, k) ? 1 : 0);
        }
        sees.push_back(std::move(row));
    }
    return {{"title", picture.title}, {"slots", slots}, {"sees", sees}};
}

void mask_command::run() {
    if (svg == "-" && (output.as_json || output.path == "-")) {
        throw usage_error("--svg - and the picture in text or JSON would both go to standard output; name a file for one");
    }
    const std::vector<record> records = read_input(input, input_format::whole, template_forms());
    if (records.size() != 1) {
        throw failure("a picture shows one text, but there are " + std::to_string(records.size()));
    }
    const pieces       all     = read_pieces(records[0]);
    const loaded_model loaded  = load_model(model);
    const mask_picture picture = lay_out(loaded, all);
    check_outputs({svg, output.path}); // both, before one of them is written
    if (!svg.empty()) {
        magnet_cli::output file(svg);
        file.write(draw_as_svg(picture));
        file.close();
        if (!output.as_json && output.path.empty()) {
            return;
        }
    }
    magnet_cli::output out(output.path);
    if (output.as_json) {
        out.json_line(picture_json(picture));
    } else {
        draw_in_text(out, picture, out.is_terminal() ? terminal_width(STDOUT_FILENO) : 0,
                     out.is_terminal() && wants_colour(STDOUT_FILENO));
    }
    out.close();
}

void add_mask(CLI::App & verb) {
    auto command = std::make_shared<mask_command>();
    command->input.add_to(verb, "TEMPLATE",
                          "a text with gaps, or the name of a file with one (default: standard input)");
    option_group out = command->output.add_to(verb, "one JSON object: tokens, positions, roles and the matrix");
    out.value("--svg", command->svg, "FILE", "write the picture as SVG");

    option_group group(verb, "Mask");
    group.choice("--context", command->context, context_names(),
                 "what the text around a gap sees (default: the adapter's, else as infill)");
    group.choice("--attention", command->attention, attention_names(),
                 "for a text without a gap (default: the adapter's, else bidirectional)");
    group.value("--max-tokens", command->open, "N", with_default("places to draw for an open gap", command->open),
                between(1, 1 << 20));

    group.flag("--keep-spaces", command->keep_spaces, keep_spaces_help);

    command->model.add_to(verb);
    set_help(verb, "[options] [TEMPLATE]",
             "Examples:\n"
             "  magnet mask -m model.gguf \"Tom lost his keys. {{gap:4}} At last.\"\n"
             "  magnet mask -m model.gguf --context hybrid --svg mask.svg \"Tom lost his keys. {{gap:4}} At last.\"\n"
             "\n"
             "A row is a token that looks, a column one that is seen. Gaps are written as in magnet infill, and\n"
             "{{gap=text}} shows one that is filled. NO_COLOR switches colours off.");
    verb.callback([command] { command->run(); });
}

} // namespace magnet_cli
