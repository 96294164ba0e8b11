#include "options.h"

#include "error.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>

#include "terminal.h"

namespace magnet_cli {

// What an option's text must be, before anything else is asked of it. ok says so; what it must be is said in words.
template <typename Ok>
static CLI::Validator must_be(Ok ok, const std::string & what) {
    return CLI::Validator(
        [ok, what](std::string & text) { return ok(text) ? std::string() : quote(text) + " is not " + what; }, "");
}

// All of text as a decimal number. The parser would take 0,5 for 5, 010 for 8 and true for 1.
template <typename T>
static bool parse_number(const std::string & text, T & value) {
    const bool         plus = text.size() > 1 && text[0] == '+' && text[1] != '-'; // "+1.5"
    const char * const end  = text.data() + text.size();
    const auto         read = std::from_chars(text.data() + plus, end, value);
    return read.ec == std::errc() && read.ptr == end;
}

static std::string in_range(int64_t low, int64_t high) {
    return "a whole number in [" + std::to_string(low) + ", " + std::to_string(high) + "]";
}

CLI::Validator between(int64_t low, int64_t high) {
    return must_be(
        [low, high](std::string & text) {
            int64_t    value = 0;
            const bool is    = parse_number(text, value) && value >= low && value <= high;
            text             = is ? std::to_string(value) : text; // without what the parser would take for another base
            return is;
        },
        in_range(low, high));
}

CLI::Validator number(bool (*ok)(double), const std::string & range) {
    return must_be(
        [ok](const std::string & text) {
            double value = 0;
            return parse_number(text, value) && ok(value);
        },
        range);
}

// The parser would round 1e39 to an infinity.
static bool fits_float(double value) {
    return std::abs(value) <= static_cast<double>(std::numeric_limits<float>::max());
}

bool parse_whole(const std::string & text, int32_t & out) {
    return parse_number(text, out);
}

bool parse_float(const std::string & text, float & out) {
    double value = 0;
    if (!parse_number(text, value) || !fits_float(value)) {
        return false;
    }
    out = static_cast<float>(value);
    return true;
}

template <typename T>
struct single {
    using type = T;
};
template <typename T>
struct single<std::optional<T>> : single<T> {};
template <typename T>
struct single<std::vector<T>> : single<T> {};

// What every value of this type must be.
template <typename T>
static std::optional<CLI::Validator> range_of(const std::string & type) {
    using value_type = typename single<T>::type;
    if constexpr (std::is_integral_v<value_type>) {
        return between(std::numeric_limits<value_type>::min(), std::numeric_limits<value_type>::max());
    } else if constexpr (std::is_floating_point_v<value_type>) {
        return number(fits_float, "a number between -3.4e38 and 3.4e38");
    } else if (type == "TEXT" || type == "GBNF") {
        return must_be([](const std::string & text) { return find_invalid_utf8(text) == std::string::npos; },
                       "UTF-8; convert it first");
    } else if (type.compare(0, 4, "FILE") == 0) { // a script's variable that is not set must not mean no file
        return must_be([](const std::string & name) { return !name.empty(); }, "the name of a file");
    }
    return {};
}

// Here and not in the header: the parser's templates take seconds to compile, once for each file that uses them.
template <typename T>
CLI::Option * option_group::value(const std::string & flags, T & target, const std::string & type,
                                  const std::string & help, const std::optional<CLI::Validator> & range) {
    CLI::Option * option = nullptr;
    if constexpr (std::is_same_v<T, std::optional<std::string>>) { // to the parser, "" would be none
        option = verb->add_option_function<std::string>(flags, [&target](const std::string & text) { target = text; }, help);
    } else {
        option = verb->add_option(flags, target, help);
    }
    if (const auto must = range ? range : range_of<T>(type)) {
        option->transform(*must);
    }
    return option->type_name(type)->group(title);
}

#define INSTANTIATE(T)                                                                                                 \
    template CLI::Option * option_group::value(const std::string &, T &, const std::string &, const std::string &,         \
                                               const std::optional<CLI::Validator> &);
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

void stop_option::add_to(option_group & group) {
    group.list("--stop", texts, "TEXT", "stop before this text or control token; may be repeated");
}

void stop_option::apply(const char * const *& list, int32_t & n) {
    pointers.clear();
    for (const std::string & text : texts) {
        if (text.empty()) {
            throw usage_error("--stop \"\": a stop string cannot be empty");
        }
        pointers.push_back(text.c_str());
    }
    list = pointers.data();
    n    = static_cast<int32_t>(pointers.size());
}

option_group output_options::add_to(CLI::App & verb, const std::string & json_help) {
    option_group group(verb, "Output");
    group.value("-o,--output", path, "FILE", "write here instead of standard output");
    group.flag("--json", as_json, json_help);
    return group;
}

option_group output_options::add_to_texts(CLI::App & verb, const std::string & json_help) {
    option_group group = add_to(verb, json_help);
    group.flag("-0,--null", null, "a NUL byte behind each text instead of a line feed, for texts of several lines")
        ->excludes(verb.get_option("--json"));
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
