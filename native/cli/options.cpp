#include "options.h"

#include <optional>
#include <type_traits>

namespace magnet_cli {

// Here and not in the header: the parser's templates take seconds to compile, once for each file that uses them.
template <typename T>
CLI::Option * option_group::value(const std::string & flags, T & target, const std::string & type,
                                  const std::string & help) {
    if constexpr (std::is_same_v<T, std::optional<std::string>>) { // to the parser, "" would be none
        const auto set = [&target](const std::string & text) { target = text; };
        return verb->add_option_function<std::string>(flags, set, help)->type_name(type)->group(title);
    } else {
        return verb->add_option(flags, target, help)->type_name(type)->group(title);
    }
}

#define INSTANTIATE(T)                                                                                                 \
    template CLI::Option * option_group::value(const std::string &, T &, const std::string &, const std::string &);
INSTANTIATE(int32_t)
INSTANTIATE(int64_t)
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(std::string)
INSTANTIATE(std::vector<std::string>)
INSTANTIATE(std::vector<int32_t>)
INSTANTIATE(std::vector<float>)
INSTANTIATE(std::optional<float>)
INSTANTIATE(std::optional<int32_t>)
INSTANTIATE(std::optional<int64_t>)
INSTANTIATE(std::optional<std::string>)
#undef INSTANTIATE

CLI::Option * option_group::list(const std::string & flags, std::vector<std::string> & target, const std::string & type,
                                 const std::string & help) {
    return value(flags, target, type, help)->allow_extra_args(false);
}

CLI::Validator number(bool (*ok)(double), const std::string & range) {
    return CLI::Validator(
        [ok, range](std::string & text) {
            double value = 0;
            return CLI::detail::lexical_cast(text, value) && ok(value) ? std::string() : "\"" + text + "\" is not " + range;
        },
        "");
}

static CLI::Validator one_of(const names & table) {
    return CLI::Validator(
        [&table](std::string & word) {
            for (const auto & [name, number] : table) {
                if (word == name) {
                    word = std::to_string(number);
                    return std::string();
                }
            }
            return "\"" + word + "\" is not one of " + words_of(table);
        },
        "");
}

CLI::Option * option_group::choice(const std::string & flags, int32_t & target, const names & table,
                                   const std::string & help) {
    return value(flags, target, words_of(table), help)->transform(one_of(table));
}

CLI::Option * option_group::choices(const std::string & flags, std::vector<int32_t> & target, const names & table,
                                    const std::string & help) {
    return value(flags, target, words_of(table) + ",...", help)
        ->delimiter(',')
        ->allow_extra_args(false)
        ->transform(one_of(table));
}

CLI::Option * option_group::flag(const std::string & flags, bool & target, const std::string & help) {
    return verb->add_flag(flags, target, help)->group(title);
}

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
    std::string name = verb.get_name();
    for (const CLI::App * outer = verb.get_parent(); outer != nullptr && !outer->get_name().empty(); outer = outer->get_parent()) {
        name = outer->get_name() + " " + name;
    }
    verb.usage("Usage: magnet " + name + " " + usage);
    verb.footer(notes);
}

void set_help_format(CLI::App & app) {
    app.formatter(std::make_shared<help_format>());
}

} // namespace magnet_cli
