#include "interrupt.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <thread>

#ifdef _WIN32
#    include <windows.h>
#else
#    include <unistd.h>
#endif

#include "../src/base/path.h"
#include "magnet.h"
#include "system.h"

namespace magnet_cli {

static std::atomic<int>              received{0}; // the signal, 0 = none
static std::mutex                    mutex;       // guards what is below
static bool                          in_scope = false;
static std::vector<magnet_session *> running; // may be empty in a scope
static std::string                   unfinished;

[[noreturn]] static void die_of(int signal) {
#ifdef _WIN32
    (void) signal;
    TerminateProcess(GetCurrentProcess(), 0xC000013A); // STATUS_CONTROL_C_EXIT
    std::abort();                                      // not reached
#else
    std::signal(signal, SIG_DFL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    raise(signal);
    _exit(128 + signal); // not reached: the default action of each of these signals ends the process
#endif
}

void end_by_signal() {
    const int                         signal = received != 0 ? received.load() : SIGTERM;
    const std::lock_guard<std::mutex> lock(mutex); // to the end: no other file is begun any more
    if (!unfinished.empty()) {
        magnet::remove_file(unfinished);
    }
    die_of(signal);
}

// Ends the process unless a verb takes the signal.
static void on_signal(int signal) {
    const bool again = received.exchange(signal) != 0;
    {
        const std::lock_guard<std::mutex> lock(mutex);
        if (in_scope && !again) {
            for (magnet_session * each : running) {
                magnet_session_cancel(each);
            }
            return;
        }
    }
    end_by_signal();
}

#ifdef _WIN32

void install_interrupt_handler() {
    const auto handler = [](DWORD) -> BOOL { // Ctrl-C, Ctrl-Break, the window closes: in a thread of its own
        on_signal(SIGINT);
        return TRUE;
    };
    SetConsoleCtrlHandler(handler, TRUE);
}

#else

static void receive(sigset_t set) {
    for (int signal = 0; sigwait(&set, &signal) == 0;) {
        on_signal(signal);
    }
}

void install_interrupt_handler() {
    sigset_t set;
    sigemptyset(&set);
    bool any = false;
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction action {};
        if (sigaction(signal, nullptr, &action) == 0 && action.sa_handler != SIG_IGN) { // nohup, background jobs
            sigaddset(&set, signal);
            any = true;
        }
    }
    if (any) {
        pthread_sigmask(SIG_BLOCK, &set, nullptr);
        std::thread(receive, set).detach();
    }
}

#endif

bool interrupted() {
    return received != 0;
}

cancel_scope::cancel_scope(std::vector<magnet_session *> sessions) {
    const std::lock_guard<std::mutex> lock(mutex);
    in_scope = true;
    running  = std::move(sessions);
}

cancel_scope::~cancel_scope() {
    const std::lock_guard<std::mutex> lock(mutex);
    in_scope = false;
    running.clear();
}

void set_unfinished_file(const std::string & path) {
    const std::lock_guard<std::mutex> lock(mutex);
    unfinished = path;
}

int create_unfinished_file(std::string & path) {
    int  fd   = -1;
    bool ends = false;
    {
        const std::lock_guard<std::mutex> lock(mutex);
        fd         = create_temporary(path);
        unfinished = fd < 0 ? "" : path;
        ends       = received != 0 && !in_scope; // the receiver waits for the lock, and who just had it may well have it again
    }
    if (ends) {
        end_by_signal();
    }
    return fd;
}

} // namespace magnet_cli
