// Processes that want a CPU each, like a neighbour on the machine: what a program is worth beside them.
#pragma once

#include <cstdint>
#include <vector>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace magnet::bench {

class burners {
public:
    explicit burners(int32_t n) {
        const pid_t parent = getpid();
        for (int32_t i = 0; i < n; ++i) {
            const pid_t child = fork();
            if (child == 0) {
                for (volatile uint64_t spins = 0;; ++spins) {
                    if (spins % (1u << 24) == 0 && getppid() != parent) {
                        _exit(0); // nobody is there to end it
                    }
                }
            }
            children_.push_back(child);
        }
    }
    ~burners() {
        for (const pid_t child : children_) {
            kill(child, SIGKILL);
            waitpid(child, nullptr, 0);
        }
    }
    burners(const burners &)             = delete;
    burners & operator=(const burners &) = delete;

private:
    std::vector<pid_t> children_;
};

} // namespace magnet::bench
