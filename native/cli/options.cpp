#include "options.h"

namespace magnet_cli {

namespace {

constexpr size_t left_columns = 32;

// "  -m, --model FILE              what it does": nothing of the checks behind it.
class help_format : public CLI::Formatter {
public:
    help_format() {
        column_width(left_columns);
        enable_footer_formatting(false);
        enable_description_formatting(false);
        label("POSITIONALS", "Arguments");
    }

    std::string make_usage(const CLI::App * app, std::string) const override { return app->get_usage() + "\n"; }

    std::string make_footer(const CLI::App * app) const override { return "\n" + app->get_footer() + "\n"; }

    std::string make_option(const CLI::Option * option, bool positional) const override {
        std::string left = "  ";
        if (positional) {
            left += option->get_name(true);
        } else {
            const auto & shorts = option->get_snames();
            left += shorts.empty() ? "    " : "-" + shorts[0] + ", ";
            left += "--" + option->get_lnames()[0];
        }
        const std::string type = option->get_type_name();
        left += type.empty() ? "" : " " + type;
        const size_t used = left.size();
        left += used < left_columns ? std::string(left_columns - used, ' ') : "\n" + std::string(left_columns, ' ');
        return left + option->get_description() + "\n";
    }
};

} // namespace

option_group output_options::add_to(CLI::App & verb, const std::string & json_help) {
    option_group group(verb, "Output");
    group.value("-o,--output", path, "FILE", "write here instead of standard output");
    group.flag("--json", as_json, json_help);
    return group;
}

void set_help(CLI::App & verb, const std::string & usage, const std::string & notes) {
    verb.usage("Usage: magnet " + verb.get_name() + " " + usage);
    verb.footer(notes);
}

void set_help_format(CLI::App & app) {
    app.formatter(std::make_shared<help_format>());
}

} // namespace magnet_cli
