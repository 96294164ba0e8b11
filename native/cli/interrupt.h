#pragma once

#include <string>
#include <vector>

struct magnet_session;

namespace magnet_cli {

/*
 * Ctrl-C, SIGTERM and SIGHUP. While a cancel_scope lives, the first one stops the calls that run on its sessions, so
 * that the verb can print what it has; anywhere else, and the second time, the process ends at once. Either way
 * half-written files are removed and the process dies of the signal it got, so that a shell loop around it stops too
 * ($? is 130 after Ctrl-C).
 */

// Once, before any other thread exists: the signals are received by one thread of our own, never inside a handler.
void install_interrupt_handler();

bool interrupted();

// Ends the process by the signal that interrupted() is about.
[[noreturn]] void end_by_signal();

// No sessions: the work in this scope looks at interrupted() itself, as callbacks of magnet.h do.
class cancel_scope {
public:
    explicit cancel_scope(std::vector<magnet_session *> sessions);
    ~cancel_scope();
    cancel_scope(const cancel_scope &)             = delete;
    cancel_scope & operator=(const cancel_scope &) = delete;
};

// The file to remove if the process ends early; "" = none.
void set_unfinished_file(const std::string & path);

// The same for a new file, which is made here (create_temporary()), so that no signal finds
// it without knowing of it. Returns its descriptor, or -1 and errno.
int create_unfinished_file(std::string & path);

} // namespace magnet_cli
