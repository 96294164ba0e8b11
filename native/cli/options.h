#pragma once

#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "names.h"

namespace magnet_cli {

// Options under one heading of a verb's help.
class option_group {
public:
    option_group(CLI::App & verb, std::string title) : verb(&verb), title(std::move(title)) {}

    // type: the word that stands for the value in the help. range: what it must be; without one a number must be one that
    // the target holds, no NaN and no infinity, and a TEXT must be UTF-8: closer ranges are the library's to judge.
    template <typename T>
    CLI::Option * value(const std::string & flags, T & target, const std::string & type, const std::string & help,
                        const std::optional<CLI::Validator> & range = {});

    // May be given several times, a value each.
    CLI::Option * list(const std::string & flags, std::vector<std::string> & target, const std::string & type,
                       const std::string & help);

    // Takes a word of the table and stores its number.
    CLI::Option * choice(const std::string & flags, int32_t & target, const names & table, const std::string & help);

    // Takes several words, separated by commas.
    CLI::Option * choices(const std::string & flags, std::vector<int32_t> & target, const names & table,
                          const std::string & help);

    CLI::Option * flag(const std::string & flags, bool & target, const std::string & help);

private:
    CLI::App *  verb;
    std::string title;
};

// help, with the value that holds if the option is not given: "… (default 64)".
template <typename T>
std::string with_default(const std::string & help, T value) {
    std::ostringstream text;
    text << help << " (default " << value << ")";
    return text.str();
}

// A whole number in [low, high].
CLI::Validator between(int64_t low, int64_t high);

// A number for which ok holds; range says which these are.
CLI::Validator number(bool (*ok)(double), const std::string & range);

// The decimal number that text is, all of it.
bool parse_whole(const std::string & text, int32_t & out);

// The number that text is, all of it, if a float can hold it: no NaN, no infinity.
bool parse_float(const std::string & text, float & out);

// Of --threads.
inline constexpr int32_t most_threads = 512;

// Stop strings, for generate and infill.
struct stop_option {
    std::vector<std::string> texts;

    void add_to(option_group & group);

    // Sets the list, which borrows from this. An empty string is wrong usage.
    void apply(const char * const *& list, int32_t & n);

private:
    std::vector<const char *> pointers;
};

// Where results go and how they look; every verb has them.
struct output_options {
    std::string path; // "" = standard output
    bool        as_json = false;
    bool        null    = false;

    // Returns the group, for a verb to add its own options to. json_help: what a line of --json holds.
    option_group add_to(CLI::App & verb, const std::string & json_help);
    // The same for a verb that prints texts, each with end() behind it.
    option_group add_to_texts(CLI::App & verb, const std::string & json_help);

    std::string_view end() const { return {null ? "\0" : "\n", 1}; }
};

// usage: what follows "magnet VERB". notes: examples and what else there is to know, printed as they are.
void set_help(CLI::App & verb, const std::string & usage, const std::string & notes);

// The look of every --help.
void set_help_format(CLI::App & app);

} // namespace magnet_cli
