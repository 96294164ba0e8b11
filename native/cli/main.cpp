#include <clocale>
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <new>

#include "error.h"
#include "interrupt.h"
#include "magnet.h"
#include "options.h"
#include "verbs.h"

namespace magnet_cli {

enum exit_status { exit_ok = 0, exit_failure = 1, exit_usage = 2 };

// One line that ends like a sentence, whoever wrote it.
static void print_error(const std::string & message) {
    const bool ended = !message.empty() && std::string(".!?").find(message.back()) != std::string::npos;
    std::fflush(stdout);
    std::fprintf(stderr, "magnet: %s%s\n", message.c_str(), ended ? "" : ".");
}

static int report_usage(const CLI::App & app, const std::string & message) {
    std::string verbs;
    for (auto chosen = app.get_subcommands(); !chosen.empty(); chosen = chosen[0]->get_subcommands()) {
        verbs += chosen[0]->get_name() + " ";
    }
    print_error(message);
    std::fprintf(stderr, "See: magnet %s--help\n", verbs.c_str());
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

static int run(int argc, char ** argv) {
    CLI::App app;
    describe(app);
    if (argc < 2) {
        std::fputs(app.help().c_str(), stderr);
        return exit_usage;
    }
    try {
        if (argv[1][0] != '-' && app.get_subcommand_no_throw(argv[1]) == nullptr) {
            throw usage_error("magnet has no verb \"" + std::string(argv[1]) + "\"");
        }
        app.parse(argc, argv);
        return exit_ok;
    } catch (const CLI::ParseError & error) {
        if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) { // --help, --version
            app.exit(error);
            return std::cout.flush() ? exit_ok : exit_failure;
        }
        return report_usage(app, error.what());
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
    std::setlocale(LC_CTYPE, "C.UTF-8"); // wcwidth() of characters beyond ASCII
    std::signal(SIGPIPE, SIG_IGN);       // a reader that is gone shows as a failed write
    install_interrupt_handler();
    if (magnet_abi_version() != MAGNET_ABI_VERSION) {
        print_error("libmagnet is of another version than this binary; install both from one build");
        return exit_failure;
    }
    const int status = run(argc, argv);
    if (interrupted()) {
        end_by_signal();
    }
    return status;
}
