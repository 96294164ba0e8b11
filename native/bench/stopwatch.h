#pragma once

namespace magnet::bench {

struct timing {
    double wall = 0.0; // seconds
    double cpu  = 0.0; // processor seconds of all threads: what remains comparable on a machine that others use, too
};

// A watch on this process.
class stopwatch {
public:
    stopwatch();
    timing elapsed() const;

private:
    const timing begin_;
};

} // namespace magnet::bench
