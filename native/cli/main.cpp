#include <cstdio>
#include <exception>
#include <new>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "error.h"
#include "interrupt.h"
#include "magnet.h"
#include "options.h"
#include "output.h"
#include "system.h"
#include "verbs.h"

namespace magnet_cli {

enum exit_status { exit_ok = 0, exit_failure = 1, exit_usage = 2 };

// One line that ends like a sentence, whoever wrote it.
static void print_error(const std::string & message) {
    const bool ended = !message.empty() && std::string(".!?").find(message.back()) != std::string::npos;
    std::fflush(stdout);
    std::fprintf(stderr, "magnet: %s%s\n", message.c_str(), ended ? "" : ".");
}

// "magnet eval sts": what was called, as far as it was understood.
static std::string called(const CLI::App & app) {
    std::string words = "magnet";
    for (auto chosen = app.get_subcommands(); !chosen.empty(); chosen = chosen[0]->get_subcommands()) {
        words += " " + chosen[0]->get_name();
    }
    return words;
}

static int report_usage(const CLI::App & app, const std::string & message) {
    print_error(message);
    std::fprintf(stderr, "See: %s --help\n", called(app).c_str());
    return exit_usage;
}

static void describe(CLI::App & app) {
    set_help_format(app);
    app.description("magnet: one language model that embeds, infills and generates");
    app.usage("Usage: magnet VERB [options] [input]");
    app.footer("Examples:\n"
               "  magnet embed -m model.gguf --similarity \"A man plays a guitar.\" \"Someone plays music.\"\n"
               "  magnet infill -m model.gguf \"Tom lost his keys. {{gap}} At last he could sleep in his own bed.\"\n"
               "  magnet generate -m model.gguf \"Once upon a time\"\n"
               "\n"
               "With MAGNET_MODEL set to a GGUF file, -m can be left out. Results go to standard output, everything\n"
               "else to standard error. Exit status: 0 done, 1 failed, 2 wrong usage. After Ctrl-C, generate and\n"
               "infill keep what they have, and magnet ends by that signal (130 in $?).");
    app.set_version_flag("--version", std::string("magnet ") + magnet_version(), "show the version")->group("Options");
    app.set_help_flag("-h,--help", "show this help, or with a verb in front its own")->group("Options");
    app.require_subcommand(1);
#define MAGNET_ADD(name, about)                                                                                        \
    {                                                                                                                  \
        CLI::App * verb = app.add_subcommand(#name, about)->group("Verbs");                                            \
        verb->get_help_ptr()->group("");                                                                               \
        add_##name(*verb);                                                                                             \
    }
    MAGNET_VERBS(MAGNET_ADD)
#undef MAGNET_ADD
}

// What the parser says, in plain words.
static std::string in_plain_words(const CLI::App & app, const std::string & message) {
    const std::pair<std::regex, std::string> phrases[] = {
        {std::regex("^(.*): 1 required (\\S+) missing$"), "$1 needs a value, $2"},
        {std::regex("^(.*): At most 1 required but received .*$"), "$1 is given more than once"},
        {std::regex("^(.*): The following arguments? (was|were) not expected: (-\\S*).*$"), called(app) + " has no option $3"},
        {std::regex("^(.*): The following arguments? (was|were) not expected: (.*)$"), called(app) + " has no use for \"$3\""},
        {std::regex("^(.*) excludes (.*)$"), "$1 and $2 exclude each other"},
        {std::regex("^(.*) requires (.*)$"), "$1 means nothing without $2"},
    };
    for (const auto & [theirs, ours] : phrases) {
        if (std::regex_match(message, theirs)) {
            return std::regex_replace(message, theirs, ours);
        }
    }
    return message;
}

static bool takes_value(const CLI::App & verb, const std::string & argument) {
    const CLI::Option * option = argument.compare(0, 1, "-") == 0 ? verb.get_option_no_throw(argument) : nullptr;
    return option != nullptr && option->get_items_expected_max() > 0;
}

// The parser would leave an empty item of a list out, like the one behind the comma of "16,".
static void check_items(const CLI::App & verb, const std::string & option, const std::string & value) {
    const bool is_list = verb.get_option_no_throw(option)->get_delimiter() == ',';
    if (is_list && !value.empty() && ("," + value + ",").find(",,") != std::string::npos) {
        throw usage_error(option + ": \"" + value + "\" has an empty item; leave out the comma, or say what is missing");
    }
}

// What the parser would get wrong of values: the value of "--name=", which it would take from the next argument, and lists
// with an empty item.
static std::vector<std::string> with_empty_values(const CLI::App & app, std::vector<std::string> arguments) {
    const CLI::App * verb = &app;
    size_t           i    = 1;
    for (; i < arguments.size() && verb->get_subcommand_no_throw(arguments[i]) != nullptr; ++i) {
        verb = verb->get_subcommand_no_throw(arguments[i]);
    }
    for (; i < arguments.size() && arguments[i] != "--"; ++i) {
        const std::string name   = arguments[i].substr(0, arguments[i].find('='));
        const bool        joined = name.size() < arguments[i].size();
        if (!takes_value(*verb, name)) {
            continue;
        }
        if (joined && name.size() > 2 && name.size() + 1 == arguments[i].size()) {
            arguments[i].pop_back();
            arguments.insert(arguments.begin() + static_cast<std::ptrdiff_t>(++i), "");
        } else if (joined) {
            check_items(*verb, name, arguments[i].substr(name.size() + 1));
        } else if (++i < arguments.size()) { // whatever its value looks like
            check_items(*verb, name, arguments[i]);
        }
    }
    return arguments;
}

// A help or a version.
static int print_asked(const std::string & text) {
    try {
        output out("");
        out.write(text);
        out.close();
    } catch (const reader_gone &) {
    } catch (const std::exception & error) {
        print_error(error.what());
        return exit_failure;
    }
    return exit_ok;
}

static int run(const std::vector<std::string> & words) {
    CLI::App app;
    describe(app);
    if (words.size() < 2) {
        std::fputs(app.help().c_str(), stderr);
        return exit_usage;
    }
    try {
        const std::string first = words[1];
        if (first.compare(0, 1, "-") != 0 && app.get_subcommand_no_throw(first) == nullptr) {
            throw usage_error("magnet has no verb \"" + first + "\"");
        }
        if (first.compare(0, 1, "-") == 0 && first != "-h" && first != "--help" && first != "--version") {
            throw usage_error("magnet has no option \"" + first + "\" of its own; name a verb first, such as embed");
        }
        std::vector<std::string> arguments = with_empty_values(app, words);
        std::vector<char *>      pointers;
        for (std::string & argument : arguments) {
            pointers.push_back(argument.data());
        }
        app.parse(static_cast<int>(pointers.size()), pointers.data());
        return exit_ok;
    } catch (const CLI::ParseError & error) {
        if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) { // --help, --version
            std::ostringstream asked;
            app.exit(error, asked, asked);
            return print_asked(asked.str());
        }
        return report_usage(app, in_plain_words(app, error.what()));
    } catch (const usage_error & error) {
        return report_usage(app, error.what());
    } catch (const reader_gone &) {
        return exit_ok;
    } catch (const std::bad_alloc &) {
        print_error("out of memory");
    } catch (const std::exception & error) {
        if (!interrupted()) { // else what failed is the call that the signal stopped
            print_error(error.what());
        }
    }
    return exit_failure;
}

} // namespace magnet_cli

int main(int argc, char ** argv) {
    using namespace magnet_cli;
    const std::vector<std::string> arguments = start_process(argc, argv);
    install_interrupt_handler();
    if (magnet_abi_version() != MAGNET_ABI_VERSION) {
        print_error("libmagnet is of another version than this binary; install both from one build");
        return exit_failure;
    }
    const int status = run(arguments);
    if (interrupted()) {
        end_by_signal();
    }
    return status;
}
