#include "interrupt.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <thread>

#include <unistd.h>

#include "magnet.h"

namespace magnet_cli {

static std::atomic<int> received{0}; // the signal, 0 = none
static std::mutex       mutex;       // guards what is below
static bool             in_scope = false;
static magnet_session * running = nullptr; // may be NULL in a scope
static std::string      unfinished;

void end_by_signal() {
    const int                         signal = received != 0 ? received.load() : SIGTERM;
    const std::lock_guard<std::mutex> lock(mutex); // to the end: no other file is begun any more
    if (!unfinished.empty()) {
        unlink(unfinished.c_str());
    }
    std::signal(signal, SIG_DFL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    raise(signal);
    _exit(128 + signal); // not reached: the default action of each of these signals ends the process
}

static void receive(sigset_t set) {
    for (int signal = 0; sigwait(&set, &signal) == 0;) {
        const bool again = received.exchange(signal) != 0;
        {
            const std::lock_guard<std::mutex> lock(mutex);
            if (in_scope && !again) {
                if (running != nullptr) {
                    magnet_session_cancel(running);
                }
                continue;
            }
        }
        end_by_signal();
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

bool interrupted() {
    return received != 0;
}

cancel_scope::cancel_scope(magnet_session * session) {
    const std::lock_guard<std::mutex> lock(mutex);
    in_scope = true;
    running  = session;
}

cancel_scope::~cancel_scope() {
    const std::lock_guard<std::mutex> lock(mutex);
    in_scope = false;
    running  = nullptr;
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
        fd         = mkstemp(path.data());
        unfinished = fd < 0 ? "" : path;
        ends       = received != 0 && !in_scope; // the receiver waits for the lock, and who just had it may well have it again
    }
    if (ends) {
        end_by_signal();
    }
    return fd;
}

} // namespace magnet_cli
